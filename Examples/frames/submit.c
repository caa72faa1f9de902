/*
 * Submits one raw image to the agent of this board, by its frame socket and shared memory; speaks the protocol itself,
 * so that it needs no library. Packets are described in Sources/FrameSocket.
 *
 *     cc -std=c99 -Wall -Wextra -o submit submit.c
 *     ./submit SOCKET MODEL HEIGHT WIDTH FILE [DEADLINE_MICROSECONDS]
 *
 * FILE holds HEIGHT x WIDTH x channels bytes, the channels of a pixel side by side. Little-endian machines only.
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { LIMIT = 8 << 20, ANSWER = 32 + 4 * 16384, ATTACH = 1, FRAME = 2 };

static unsigned char answer[ANSWER + 1];

static int failed(const char *what) {
    perror(what);
    return 2;
}

static size_t put(unsigned char *at, const void *value, size_t bytes) {
    memcpy(at, value, bytes);
    return bytes;
}

static size_t head(unsigned char *packet, uint16_t kind, uint64_t id) {
    const uint16_t version = 1;
    size_t end = put(packet, "SHF1", 4);
    end += put(packet + end, &version, 2);
    end += put(packet + end, &kind, 2);
    return end + put(packet + end, &id, 8);
}

/* Sends a packet, with a descriptor where it is not negative, and waits for the answer. Returns its status, or -1. */
static int ask(int sock, void *packet, size_t bytes, int descriptor) {
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec part = {packet, bytes};
    struct msghdr message = {0};
    uint16_t status;
    ssize_t got;

    message.msg_iov = &part;
    message.msg_iovlen = 1;
    if (descriptor >= 0) {
        memset(&control, 0, sizeof control);
        message.msg_control = &control;
        message.msg_controllen = sizeof control.space;
        control.header.cmsg_len = CMSG_LEN(sizeof(int));
        control.header.cmsg_level = SOL_SOCKET;
        control.header.cmsg_type = SCM_RIGHTS;
        memcpy(CMSG_DATA(&control.header), &descriptor, sizeof descriptor);
    }
    if (sendmsg(sock, &message, MSG_NOSIGNAL) != (ssize_t)bytes) return -1;
    got = recv(sock, answer, ANSWER, 0);
    if (got < 32 || memcmp(answer, "SHF1", 4) != 0) return -1;
    answer[got] = 0;
    memcpy(&status, answer + 6, 2);
    if (status != 0) fprintf(stderr, "submit: %s\n", (char *)answer + 32);
    return status;
}

int main(int count, char **arguments) {
    struct sockaddr_un address = {AF_UNIX, ""};
    unsigned char packet[512], *memory;
    uint32_t height, width, deadline, point, values, best = 0;
    const uint64_t offset = 0;
    double milliseconds;
    size_t end, length;
    ssize_t bytes;
    FILE *file;
    int sock, shared;

    if (count < 6 || count > 7 || strlen(arguments[1]) >= sizeof address.sun_path || strlen(arguments[2]) > 255) {
        fprintf(stderr, "usage: submit SOCKET MODEL HEIGHT WIDTH FILE [DEADLINE_MICROSECONDS]\n");
        return 64;
    }
    length = strlen(arguments[2]);
    height = (uint32_t)strtoul(arguments[3], NULL, 10);
    width = (uint32_t)strtoul(arguments[4], NULL, 10);
    deadline = count == 7 ? (uint32_t)strtoul(arguments[6], NULL, 10) : 0;

    shared = memfd_create("frames", MFD_CLOEXEC);
    if (shared < 0 || ftruncate(shared, LIMIT) != 0) return failed("memory");
    memory = mmap(NULL, LIMIT, PROT_READ | PROT_WRITE, MAP_SHARED, shared, 0);
    if (memory == MAP_FAILED) return failed("memory");
    file = fopen(arguments[5], "rb");
    if (!file) return failed(arguments[5]);
    bytes = (ssize_t)fread(memory, 1, LIMIT, file);
    fclose(file);
    if (bytes <= 0) return failed(arguments[5]);

    sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    strcpy(address.sun_path, arguments[1]);
    if (sock < 0 || connect(sock, (struct sockaddr *)&address, sizeof address) != 0) return failed(arguments[1]);
    if (ask(sock, packet, head(packet, ATTACH, 1), shared) != 0) return 2;

    end = head(packet, FRAME, 2);
    end += put(packet + end, &offset, 8);
    end += put(packet + end, &height, 4);
    end += put(packet + end, &width, 4);
    end += put(packet + end, &deadline, 4);
    packet[end++] = 1; /* the channels of a pixel side by side */
    packet[end++] = (unsigned char)length;
    packet[end++] = 0; /* sensors */
    packet[end++] = 0;
    end += put(packet + end, arguments[2], length);
    if (ask(sock, packet, end, -1) != 0) return 2;

    memcpy(&point, answer + 16, 4);
    memcpy(&values, answer + 20, 4);
    memcpy(&milliseconds, answer + 24, 8);
    for (uint32_t index = 1; index < values; index++) {
        float value, most;
        memcpy(&value, answer + 32 + 4 * index, 4);
        memcpy(&most, answer + 32 + 4 * best, 4);
        if (value > most) best = index;
    }
    printf("class %u of %u at point %u in %.3f ms\n", best, values, point, milliseconds);
    close(sock);
    return 0;
}
