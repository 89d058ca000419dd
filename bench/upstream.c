/* A vendor's API for the benchmark: `upstream PORT` serves it on 127.0.0.1 until it is ended.
 *
 * It must cost as little as can be, or the load's core is the limit and not the gateway: one
 * thread, one epoll, one recv and one send a call.
 *
 * A call without "stream":true is answered at once, with about 440 bytes of which the id, the
 * request id, the processing time and the text (one of sixteen lengths) differ every time.
 *
 * A streamed call has 51 events (a role, 49 words, an end), each in a chunk and a write of its
 * own, 2 ms apart with a quarter of jitter. The first comes after up to 10 ms, so that streams
 * that were opened together drift apart as real ones do: no burst that a gateway could relay in
 * one go. Usage follows the last event where it is asked for. A call for the model bench-slow
 * gets an event a second instead, to be held open by the thousand.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum {
    FDS_MAX = 65536,
    REQUEST_BYTES_MAX = 16384,
    EVENTS_PER_CALL = 51,
    EVENTS_PER_WAKE = 64,
    POLLED_MAX = 256,
};
static const int64_t GAP_NS = 2000000, SLOW_GAP_NS = 1000000000, FIRST_NS_MAX = 10000000;
static const int64_t NS_PER_S = 1000000000;

static const char *const WORDS[] = {
    " the", " of", " a", " station", " and", " gate", " opens", " when", " fare", " is", " paid",
    " to", " every", " passenger", ",", ".", " that", " waits", " in", " extraordinarily",
    " patiently", " by", " platform", " two", " for", " one", " more", " train", " at", " night",
};
static const char TEXT[] =
    "The gate opens when the fare is paid, and the train leaves from platform two at noon, so "
    "please be there a few minutes early today.";

struct connection {
    char *received; /* REQUEST_BYTES_MAX bytes, kept for the next connection of this fd */
    size_t length;
    uint64_t call; /* the streamed call in progress; 0: none */
    int sent;
    int slow, with_usage;
};
struct due {
    int64_t at_ns;
    int fd;
    uint64_t call;
};

static struct connection connections[FDS_MAX];
static struct due heap[FDS_MAX];
static size_t heap_length;
static uint64_t calls;
static char date[40];

static void die(const char *what) {
    perror(what);
    exit(1);
}

static int64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * NS_PER_S + now.tv_nsec;
}

static uint64_t next_random(void) { /* xorshift: the same pauses in every run */
    static uint64_t state = 88172645463325252u;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static void refresh_date(int64_t at_ns) {
    static int64_t second;
    if (at_ns / NS_PER_S == second) return;
    second = at_ns / NS_PER_S;
    time_t wall = time(NULL);
    strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", gmtime(&wall));
}

static void heap_sink(size_t at) {
    for (;;) {
        size_t least = at, left = 2 * at + 1, right = left + 1;
        if (left < heap_length && heap[left].at_ns < heap[least].at_ns) least = left;
        if (right < heap_length && heap[right].at_ns < heap[least].at_ns) least = right;
        if (least == at) return;
        struct due moved = heap[at];
        heap[at] = heap[least];
        heap[least] = moved;
        at = least;
    }
}

static void heap_push(struct due due) {
    if (heap_length == FDS_MAX) die("more streams than the upstream can hold");
    size_t at = heap_length++;
    while (at > 0 && heap[(at - 1) / 2].at_ns > due.at_ns) {
        heap[at] = heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    heap[at] = due;
}

static void end_connection(int fd) {
    connections[fd].call = 0;
    connections[fd].length = 0;
    close(fd);
}

/* Whether all of it left; a peer so slow that its buffer is full is not measured here. */
static int send_all(int fd, const char *data, size_t length) {
    if (send(fd, data, length, MSG_NOSIGNAL) == (ssize_t)length) return 1;
    end_connection(fd);
    return 0;
}

static int vendor_head(char *to, size_t size, uint64_t call, const char *type) {
    return snprintf(
        to, size,
        "HTTP/1.1 200 OK\r\ndate: %s\r\ncontent-type: %s\r\nx-request-id: req_%016llx\r\n"
        "openai-organization: bench-organisation\r\nopenai-processing-ms: %llu\r\n"
        "openai-version: 2020-10-01\r\nx-ratelimit-limit-requests: 10000\r\n"
        "x-ratelimit-remaining-requests: 9999\r\n"
        "strict-transport-security: max-age=31536000; includeSubDomains\r\n",
        date, type, (unsigned long long)call, (unsigned long long)(call % 997));
}

static void answer(int fd, uint64_t call) {
    char body[1024], reply[2048];
    int words = 28 + 6 * (int)(call * 7 % 16), tokens = words / 4;
    int length = snprintf(
        body, sizeof body,
        "{\"id\":\"chatcmpl-%032llx\",\"object\":\"chat.completion\",\"created\":1795000000,"
        "\"model\":\"bench-model\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\","
        "\"content\":\"%.*s\",\"refusal\":null},\"logprobs\":null,\"finish_reason\":\"stop\"}],"
        "\"usage\":{\"prompt_tokens\":38,\"completion_tokens\":%d,\"total_tokens\":%d},"
        "\"service_tier\":\"default\",\"system_fingerprint\":\"fp_bench\"}",
        (unsigned long long)call, words, TEXT, tokens, 38 + tokens);
    int head = vendor_head(reply, sizeof reply, call, "application/json");
    head += snprintf(reply + head, sizeof reply - head, "content-length: %d\r\n\r\n", length);
    memcpy(reply + head, body, length);
    send_all(fd, reply, head + length);
}

static int chunk(char *to, const char *data, int length) {
    int head = sprintf(to, "%x\r\n", length);
    memcpy(to + head, data, length);
    memcpy(to + head + length, "\r\n", 2);
    return head + length + 2;
}

static int event(char *to, const struct connection *stream, const char *choices, int usage) {
    return sprintf(
        to,
        "data: {\"id\":\"chatcmpl-%016llx\",\"object\":\"chat.completion.chunk\","
        "\"created\":1795000000,\"model\":\"%s\",\"service_tier\":\"default\","
        "\"system_fingerprint\":\"fp_bench\",\"choices\":[%s]%s}\n\n",
        (unsigned long long)stream->call, stream->slow ? "bench-slow" : "bench-model", choices,
        usage ? ",\"usage\":{\"prompt_tokens\":38,\"completion_tokens\":49,\"total_tokens\":87}"
        : stream->with_usage ? ",\"usage\":null"
                             : "");
}

/* Send the next event of a stream; whether there are more. */
static int send_event(int fd) {
    struct connection *stream = &connections[fd];
    char choices[256], text[1024], data[4096];
    int at = stream->sent++, last = at == EVENTS_PER_CALL - 1, length = 0;
    if (at == 0) {
        length = vendor_head(data, sizeof data, stream->call, "text/event-stream; charset=utf-8");
        length += sprintf(data + length, "transfer-encoding: chunked\r\n\r\n");
    }
    const char *role = at == 0 ? "\"role\":\"assistant\"," : "";
    const char *word = WORDS[(stream->call * 7 + at * 5) % (sizeof WORDS / sizeof *WORDS)];
    if (last)
        sprintf(choices, "{\"index\":0,\"delta\":{},\"logprobs\":null,\"finish_reason\":\"stop\"}");
    else
        sprintf(choices,
                "{\"index\":0,\"delta\":{%s\"content\":\"%s\"},\"logprobs\":null,"
                "\"finish_reason\":null}",
                role, at == 0 ? "" : word);
    length += chunk(data + length, text, event(text, stream, choices, 0));
    if (last) {
        if (stream->with_usage) length += chunk(data + length, text, event(text, stream, "", 1));
        length += chunk(data + length, "data: [DONE]\n\n", 14);
        length += sprintf(data + length, "0\r\n\r\n");
        stream->call = 0;
    }
    return send_all(fd, data, length) && !last;
}

static void send_due(void) {
    int64_t now = now_ns();
    for (int sent = 0; sent < EVENTS_PER_WAKE && heap_length && heap[0].at_ns <= now; sent++) {
        struct connection *stream = &connections[heap[0].fd];
        if (stream->call == heap[0].call && send_event(heap[0].fd)) {
            int64_t gap = stream->slow ? SLOW_GAP_NS : GAP_NS;
            heap[0].at_ns += gap * 3 / 4 + (int64_t)(next_random() % (uint64_t)(gap / 2));
        } else {
            heap[0] = heap[--heap_length];
        }
        heap_sink(0);
    }
}

static void begin_stream(int fd, const char *body) {
    struct connection *stream = &connections[fd];
    stream->call = calls;
    stream->sent = 0;
    stream->slow = strstr(body, "\"bench-slow\"") != NULL;
    stream->with_usage = strstr(body, "\"include_usage\":true") != NULL;
    int64_t first = now_ns() + (int64_t)(next_random() % (uint64_t)FIRST_NS_MAX);
    heap_push((struct due){first, fd, calls});
}

static void receive(int fd) {
    struct connection *connection = &connections[fd];
    size_t room = REQUEST_BYTES_MAX - 1 - connection->length;
    ssize_t got = recv(fd, connection->received + connection->length, room, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) {
        end_connection(fd);
        return;
    }
    connection->length += got;
    connection->received[connection->length] = 0;
    char *body = strstr(connection->received, "\r\n\r\n");
    if (!body) return;
    body += 4;
    const char *named = strcasestr(connection->received, "\r\ncontent-length:");
    size_t wanted = named && named < body ? strtoul(named + 17, NULL, 10) : 0;
    if (connection->length - (body - connection->received) < wanted) return;
    connection->length = 0;
    calls++;
    if (strstr(body, "\"stream\":true"))
        begin_stream(fd, body);
    else
        answer(fd, calls);
}

static void accept_all(int poll, int listener) {
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
        if (fd < 0) return;
        if (fd >= FDS_MAX) die("more connections than the upstream can hold");
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
        if (!connections[fd].received) connections[fd].received = malloc(REQUEST_BYTES_MAX);
        struct epoll_event wanted = {.events = EPOLLIN, .data.fd = fd};
        epoll_ctl(poll, EPOLL_CTL_ADD, fd, &wanted);
    }
}

static int listen_on(int port) {
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    if (bind(listener, (struct sockaddr *)&address, sizeof address)) die("bind");
    if (listen(listener, 4096)) die("listen");
    return listener;
}

static void set_timer(int timer) {
    struct itimerspec spec = {0};
    if (heap_length) {
        spec.it_value.tv_sec = heap[0].at_ns / NS_PER_S;
        spec.it_value.tv_nsec = heap[0].at_ns % NS_PER_S;
    }
    timerfd_settime(timer, TFD_TIMER_ABSTIME, &spec, NULL);
}

int main(int count, char **arguments) {
    if (count != 2) return 2;
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    int listener = listen_on(atoi(arguments[1])), poll = epoll_create1(0);
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    epoll_ctl(poll, EPOLL_CTL_ADD, listener,
              &(struct epoll_event){.events = EPOLLIN, .data.fd = listener});
    epoll_ctl(poll, EPOLL_CTL_ADD, timer,
              &(struct epoll_event){.events = EPOLLIN, .data.fd = timer});
    for (int64_t armed_ns = 0;;) {
        struct epoll_event ready[POLLED_MAX];
        int polled = epoll_wait(poll, ready, POLLED_MAX, -1);
        refresh_date(now_ns());
        for (int at = 0; at < polled; at++) {
            int fd = ready[at].data.fd;
            if (fd == listener)
                accept_all(poll, listener);
            else if (fd != timer)
                receive(fd);
        }
        send_due();
        int64_t next_ns = heap_length ? heap[0].at_ns : 0;
        if (next_ns != armed_ns) set_timer(timer);
        armed_ns = next_ns;
    }
}
