import Agent
import Testing

@Suite struct CPUQuotaTests {
    @Test func unifiedQuotaIsReadFromTheSmallestAncestor() {
        let files = [
            "/sys/fs/cgroup/fleet/board/cpu.max": "80000 100000\n", "/sys/fs/cgroup/fleet/cpu.max": "50000 100000\n",
        ]
        #expect(CPUQuota.cores(membership: "0::/fleet/board\n") { files[$0] } == 0.5)
    }

    @Test func legacyQuotaIsRead() {
        let files = [
            "/sys/fs/cgroup/cpu,cpuacct/board/cpu.cfs_quota_us": "15000\n",
            "/sys/fs/cgroup/cpu,cpuacct/board/cpu.cfs_period_us": "10000\n",
        ]
        #expect(CPUQuota.cores(membership: "3:cpu,cpuacct:/board\n2:memory:/x\n") { files[$0] } == 1.5)
    }

    @Test(arguments: ["max 100000", "", "garbage", "0 0", "-1 100000"])
    func noQuotaIsNoNumber(text: String) {
        #expect(CPUQuota.cores(membership: "0::/board\n") { _ in text } == nil)
    }
}
