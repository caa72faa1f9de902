public import AuditLog
public import FleetModel
import FleetStore

extension PostgreSQLFleetStore {
    public func saveSearch(_ search: SearchRecord, audit: AuditDraft?) async throws {
        let number = try signed(search.number, "number")
        try await write(locking: [.searches] + auditLock(audit)) { [self] transaction in
            try transaction.execute(
                """
                INSERT INTO search (name, number, state, record) VALUES ($1, $2, $3, $4)
                ON CONFLICT (name) DO UPDATE
                    SET number = excluded.number, state = excluded.state, record = excluded.record
                """, .text(search.name), .integer(number), .text(search.state.rawValue),
                .text(try StoredForm.json(search)))
            try transaction.refuse(moreThan: limits.searches, of: "searches", in: "search")
            try append(audit, transaction)
        }
    }

    public func removeSearch(_ name: String) async throws {
        try await write(locking: [.searches]) { transaction in
            _ = try transaction.execute("DELETE FROM search WHERE name = $1", .text(name))
        }
    }

    public func searches() async throws -> [SearchRecord] {
        try await read { [self] in
            try $0.rows("SELECT record FROM search ORDER BY number").map {
                try decoded(SearchRecord.self, from: $0.text("record"))
            }
        }
    }
}

extension PostgreSQLFleetStore {
    public func saveMeasurement(_ measurement: MeasuredSubnet) async throws {
        let at = try signed(measurement.atMilliseconds, "atMilliseconds")
        try await write(locking: [.measurements]) { [self] transaction in
            let (board, supernet) = (measurement.board.rawValue, measurement.supernetSHA256)
            let configuration = "\(measurement.configuration)"
            try transaction.execute(
                """
                DELETE FROM measuredSubnet WHERE board = $1 AND supernetSHA256 = $2
                    AND md5(configuration) = md5($3::text) AND configuration = $3::text
                """, .text(board), .text(supernet), .text(configuration))
            try transaction.execute(
                """
                INSERT INTO measuredSubnet (board, supernetSHA256, configuration, atMilliseconds, measurement)
                VALUES ($1, $2, $3, $4, $5)
                """, .text(board), .text(supernet), .text(configuration), .integer(at),
                .text(try StoredForm.json(measurement)))
            try transaction.execute(
                """
                DELETE FROM measuredSubnet WHERE id IN
                    (SELECT id FROM measuredSubnet ORDER BY atMilliseconds DESC, id DESC OFFSET $1)
                """, .count(limits.measuredSubnets))
        }
    }

    public func measurements() async throws -> [MeasuredSubnet] {
        try await read { [self] in
            try $0.rows("SELECT measurement FROM measuredSubnet ORDER BY atMilliseconds, id").map {
                try decoded(MeasuredSubnet.self, from: $0.text("measurement"))
            }
        }
    }
}
