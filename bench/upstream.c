/* Vendors' APIs for the benchmark: `upstream PORT` serves them on 127.0.0.1 until it is ended.
 *
 * It must cost as little as can be, or the load's core is the limit and not the gateway: one
 * thread, one epoll, one recv and one send a call.
 *
 * The path says which vendor is asked: Anthropic (/messages), Gemini (:generateContent and
 * :streamGenerateContent) or, by any other, OpenAI.
 *
 * A call without "stream":true is answered at once, with about 440 bytes of which the id, the
 * request id, the processing time and the text (one of sixteen lengths) differ every time. Text
 * and tokens are the same of all vendors.
 *
 * A streamed call has 51 writes (a begin, 49 words, an end), each event in a chunk of its own,
 * 2 ms apart with a quarter of jitter. The first comes after up to 10 ms, so that streams
 * that were opened together drift apart as real ones do: no burst that a gateway could relay in
 * one go. OpenAI's usage follows the last event where it is asked for; Anthropic begins and ends
 * with three events in a write; Gemini, which has no event without text at the begin, says a word
 * more. A call for the model bench-slow gets an event a second instead, to be held open by the
 * thousand.
 *
 * Shapes: the vendors' API references of messages and chat completions and of generateContent,
 * and what is said there of streams.
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

enum vendor { OPENAI, ANTHROPIC, GEMINI };
/* What each says in its head beside the date and the type, with a call's number and a time. */
static const char *const HEADERS[] = {
    [OPENAI] = "x-request-id: req_%016llx\r\n"
               "openai-organization: bench-organisation\r\nopenai-processing-ms: %llu\r\n"
               "openai-version: 2020-10-01\r\nx-ratelimit-limit-requests: 10000\r\n"
               "x-ratelimit-remaining-requests: 9999\r\n"
               "strict-transport-security: max-age=31536000; includeSubDomains\r\n",
    [ANTHROPIC] = "request-id: req_%016llx\r\nx-envoy-upstream-service-time: %llu\r\n"
                  "anthropic-organization-id: bench-organisation\r\n"
                  "anthropic-ratelimit-requests-limit: 10000\r\n"
                  "anthropic-ratelimit-requests-remaining: 9999\r\n"
                  "strict-transport-security: max-age=31536000; includeSubDomains\r\n",
    [GEMINI] = "x-gemini-request: %016llx\r\nserver-timing: gfet4t7; dur=%llu\r\n"
               "vary: Origin\r\nvary: X-Origin\r\nserver: scaffolding on HTTPServer2\r\n"
               "x-xss-protection: 0\r\nx-frame-options: SAMEORIGIN\r\n"
               "x-content-type-options: nosniff\r\n",
};

struct connection {
    char *received; /* REQUEST_BYTES_MAX bytes, kept for the next connection of this fd */
    size_t length;
    uint64_t call; /* the streamed call in progress; 0: none */
    int sent;
    int slow, with_usage;
    enum vendor vendor; /* who is asked */
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

static int vendor_head(char *to, enum vendor vendor, uint64_t call, const char *type) {
    int length = sprintf(to, "HTTP/1.1 200 OK\r\ndate: %s\r\ncontent-type: %s\r\n", date, type);
    return length + sprintf(to + length, HEADERS[vendor], (unsigned long long)call,
                            (unsigned long long)(call % 997));
}

static int whole(char *to, enum vendor vendor, uint64_t call, int words, int tokens) {
    unsigned long long id = call;
    if (vendor == ANTHROPIC)
        return sprintf(
            to,
            "{\"model\":\"bench-model\",\"id\":\"msg_%024llx\",\"type\":\"message\","
            "\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\"%.*s\"}],"
            "\"stop_reason\":\"end_turn\",\"stop_sequence\":null,\"usage\":{\"input_tokens\":38,"
            "\"cache_creation_input_tokens\":0,\"cache_read_input_tokens\":0,\"cache_creation\":"
            "{\"ephemeral_5m_input_tokens\":0,\"ephemeral_1h_input_tokens\":0},"
            "\"output_tokens\":%d,\"service_tier\":\"standard\"}}",
            id, words, TEXT, tokens);
    if (vendor == GEMINI)
        return sprintf(
            to,
            "{\n  \"candidates\": [\n    {\n      \"content\": {\n        \"parts\": [\n"
            "          {\n            \"text\": \"%.*s\"\n          }\n        ],\n"
            "        \"role\": \"model\"\n      },\n      \"finishReason\": \"STOP\",\n"
            "      \"index\": 0\n    }\n  ],\n  \"usageMetadata\": {\n"
            "    \"promptTokenCount\": 38,\n    \"candidatesTokenCount\": %d,\n"
            "    \"totalTokenCount\": %d,\n    \"promptTokensDetails\": [\n      {\n"
            "        \"modality\": \"TEXT\",\n        \"tokenCount\": 38\n      }\n    ]\n  },\n"
            "  \"modelVersion\": \"bench-model\",\n  \"responseId\": \"%022llx\"\n}\n",
            words, TEXT, tokens, 38 + tokens, id);
    return sprintf(
        to,
        "{\"id\":\"chatcmpl-%032llx\",\"object\":\"chat.completion\",\"created\":1795000000,"
        "\"model\":\"bench-model\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\","
        "\"content\":\"%.*s\",\"refusal\":null},\"logprobs\":null,\"finish_reason\":\"stop\"}],"
        "\"usage\":{\"prompt_tokens\":38,\"completion_tokens\":%d,\"total_tokens\":%d},"
        "\"service_tier\":\"default\",\"system_fingerprint\":\"fp_bench\"}",
        id, words, TEXT, tokens, 38 + tokens);
}

static void answer(int fd, uint64_t call) {
    char body[1024], reply[2048];
    enum vendor vendor = connections[fd].vendor;
    int words = 28 + 6 * (int)(call * 7 % 16);
    int length = whole(body, vendor, call, words, words / 4);
    int head = vendor_head(reply, vendor, call, "application/json");
    head += sprintf(reply + head, "content-length: %d\r\n\r\n", length);
    memcpy(reply + head, body, length);
    send_all(fd, reply, head + length);
}

static int chunk(char *to, const char *data, int length) {
    int head = sprintf(to, "%x\r\n", length);
    memcpy(to + head, data, length);
    memcpy(to + head + length, "\r\n", 2);
    return head + length + 2;
}

static int openai_event(char *to, const struct connection *stream, const char *choices, int usage) {
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

static int openai_write(char *to, const struct connection *stream, int at, const char *word) {
    char choices[256], text[1024];
    int last = at == EVENTS_PER_CALL - 1;
    if (last)
        sprintf(choices, "{\"index\":0,\"delta\":{},\"logprobs\":null,\"finish_reason\":\"stop\"}");
    else
        sprintf(choices,
                "{\"index\":0,\"delta\":{%s\"content\":\"%s\"},\"logprobs\":null,"
                "\"finish_reason\":null}",
                at == 0 ? "\"role\":\"assistant\"," : "", at == 0 ? "" : word);
    int length = chunk(to, text, openai_event(text, stream, choices, 0));
    if (!last) return length;
    if (stream->with_usage)
        length += chunk(to + length, text, openai_event(text, stream, "", 1));
    return length + chunk(to + length, "data: [DONE]\n\n", 14);
}

static int anthropic_event(char *to, const char *name, const char *members) {
    char text[1024];
    int length = sprintf(text, "event: %s\ndata: {\"type\":\"%s\"%s}\n\n", name, name, members);
    return chunk(to, text, length);
}

static int anthropic_write(char *to, const struct connection *stream, int at, const char *word) {
    char members[512];
    if (at == 0) {
        sprintf(members,
                ",\"message\":{\"model\":\"bench-model\",\"id\":\"msg_%024llx\","
                "\"type\":\"message\",\"role\":\"assistant\",\"content\":[],"
                "\"stop_reason\":null,\"stop_sequence\":null,\"usage\":{\"input_tokens\":38,"
                "\"cache_creation_input_tokens\":0,\"cache_read_input_tokens\":0,"
                "\"output_tokens\":1,\"service_tier\":\"standard\"}}",
                (unsigned long long)stream->call);
        int length = anthropic_event(to, "message_start", members);
        length += anthropic_event(
            to + length, "content_block_start",
            ",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}");
        return length + anthropic_event(to + length, "ping", "");
    }
    if (at < EVENTS_PER_CALL - 1) {
        sprintf(members,
                ",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"%s\"}", word);
        return anthropic_event(to, "content_block_delta", members);
    }
    int length = anthropic_event(to, "content_block_stop", ",\"index\":0");
    length += anthropic_event(
        to + length, "message_delta",
        ",\"delta\":{\"stop_reason\":\"end_turn\",\"stop_sequence\":null},"
        "\"usage\":{\"input_tokens\":38,\"cache_creation_input_tokens\":0,"
        "\"cache_read_input_tokens\":0,\"output_tokens\":49}");
    return length + anthropic_event(to + length, "message_stop", "");
}

static int gemini_write(char *to, const struct connection *stream, int at, const char *word) {
    char text[1024];
    int last = at == EVENTS_PER_CALL - 1, tokens = last ? at : at + 1;
    int length = sprintf(
        text,
        "data: {\"candidates\": [{\"content\": {\"parts\": [{\"text\": \"%s\"}],"
        "\"role\": \"model\"},%s\"index\": 0}],\"usageMetadata\": {\"promptTokenCount\": 38,"
        "\"candidatesTokenCount\": %d,\"totalTokenCount\": %d,\"promptTokensDetails\": "
        "[{\"modality\": \"TEXT\",\"tokenCount\": 38}]},\"modelVersion\": \"bench-model\","
        "\"responseId\": \"%022llx\"}\r\n\r\n",
        last ? "" : word, last ? "\"finishReason\": \"STOP\"," : "", tokens, 38 + tokens,
        (unsigned long long)stream->call);
    return chunk(to, text, length);
}

typedef int write_of(char *to, const struct connection *stream, int at, const char *word);
static write_of *const WRITES[] = {
    [OPENAI] = openai_write, [ANTHROPIC] = anthropic_write, [GEMINI] = gemini_write};

/* Send the next event of a stream; whether there are more. */
static int send_event(int fd) {
    struct connection *stream = &connections[fd];
    char data[4096];
    int at = stream->sent++, last = at == EVENTS_PER_CALL - 1, length = 0;
    if (at == 0) {
        const char *type = "text/event-stream; charset=utf-8";
        length = vendor_head(data, stream->vendor, stream->call, type);
        length += sprintf(data + length, "transfer-encoding: chunked\r\n\r\n");
    }
    const char *word = WORDS[(stream->call * 7 + at * 5) % (sizeof WORDS / sizeof *WORDS)];
    length += WRITES[stream->vendor](data + length, stream, at, word);
    if (last) {
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

/* Whether `part` is in the first line of `request`. */
static int in_line(const char *request, const char *part) {
    const char *found = strstr(request, part), *end = strstr(request, "\r\n");
    return found && found < end;
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
    const char *request = connection->received;
    connection->vendor = in_line(request, "/messages ")         ? ANTHROPIC
                         : in_line(request, "enerateContent") ? GEMINI
                                                              : OPENAI;
    if (in_line(request, ":streamGenerateContent") || strstr(body, "\"stream\":true"))
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
