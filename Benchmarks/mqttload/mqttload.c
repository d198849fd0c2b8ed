// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

/*
 * mqttload - an MQTT 3.1 / 3.1.1 / 5.0 load generator for loopback brokers.
 *
 * One process, one thread, one epoll set.  It plays every publisher and every
 * subscriber itself, so it knows exactly what each subscriber must receive and
 * can count lost, duplicated and reordered messages without any help from the
 * broker.
 *
 * How it stays cheap next to the broker it measures:
 *   - packets are appended to a per connection buffer and written in batches;
 *   - all sockets are read through one large shared buffer, only an incomplete
 *     packet at the end of a read is copied to the connection;
 *   - no allocation per message; the clock is read per batch, not per message.
 *
 * How a run is kept honest:
 *   - every payload starts with a 16 byte stamp (run tag, publisher, sequence,
 *     send time), see "Payload stamp";
 *   - with --rate the time in the stamp is the *intended* send time, so time
 *     spent waiting to send counts as latency (no coordinated omission);
 *   - the number of not yet received deliveries is bounded (--inflight-limit),
 *     so a broker is driven as fast as it goes but is not simply flooded.
 *
 * File layout (search for "=== "):
 *   Options | Time, errors, random | Histogram | Broker process | Buffers |
 *   Streams | Run state | Topology | Encoding | Connections | Decoding |
 *   Publishing | Event loop | Phases | Scenarios | Report | Command line
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <math.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* ============================================================= === Options */

enum {
    MAX_SECONDS    = 300,        /* no run publishes for longer than this      */
    STAMP_BYTES    = 16,         /* smallest payload                           */
    MAX_SIZE       = 8 << 20,    /* largest payload                            */
    READ_BUFFER    = 256 << 10,  /* smallest shared read buffer                */
    PUMP_MESSAGES  = 1024,       /* messages published between two polls       */
    RECEIVER_LIMIT = 800,        /* default outstanding deliveries per receiver*/
    TOPIC_MAX      = 256,        /* longest topic or filter built here         */
};

struct options {
    const char *scenario;
    const char *host, *prefix, *username, *password;
    int      port;
    int      mqtt;               /* protocol level: 3, 4 or 5                  */
    unsigned clients, pubs, subs, share, topics, subscriptions;
    uint64_t messages;           /* 0: as many as fit in `seconds`             */
    double   seconds;
    unsigned size;
    int      qos, sub_qos;
    unsigned window;             /* unacknowledged publishes per publisher     */
    unsigned burst;              /* publishes written per publisher and turn   */
    unsigned parallel;           /* connections being set up at one time       */
    double   rate;               /* total msgs/s, 0: closed loop               */
    uint64_t inflight_limit;     /* 0: default                                 */
    unsigned recv_max;           /* MQTT 5 Receive Maximum we announce, 0: none*/
    unsigned user_props;         /* MQTT 5 user properties per publish         */
    unsigned keepalive;
    double   drain, warmup, hold, allow_loss;
    int      broker_pid;
    bool     json, detached, verify, with_sub, spin, pause;
};

static struct options opt = {
    .host = "127.0.0.1", .prefix = "mqttload", .mqtt = 4, .seconds = -1,
    .size = 64, .qos = -1, .sub_qos = -1, .burst = 32, .parallel = 64,
    .keepalive = 600, .drain = 3, .hold = 1,
};

/* ================================================ === Time, errors, random */

#define NS 1000000000ull

static uint64_t now_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * NS + (uint64_t)ts.tv_nsec;
}

/* Exit status 2: the run could not be made (1 is "made, but messages lost"). */
__attribute__((format(printf, 1, 2), noreturn))
static void die(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fputs("mqttload: ", stderr);
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
    va_end(ap);
    exit(2);
}

static void *xcalloc(size_t n, size_t size)
{
    void *p = calloc(n ? n : 1, size);
    if (!p)
        die("out of memory");
    return p;
}

static uint64_t rng_state = 0x9e3779b97f4a7c15ull;

static uint64_t rng(void)                       /* xorshift64* */
{
    rng_state ^= rng_state >> 12;
    rng_state ^= rng_state << 25;
    rng_state ^= rng_state >> 27;
    return rng_state * 0x2545f4914f6cdd1dull;
}

/* =========================================================== === Histogram
 * Log-linear like HdrHistogram: values below 64 ns are exact, above that each
 * power of two is cut in 64 steps, so a percentile is at most 1.6 % off.      */

enum { SUB_BITS = 6, SUB = 1 << SUB_BITS, HIST_SLOTS = (64 - SUB_BITS + 1) * SUB };

struct hist {
    uint64_t count, max, sum;
    uint64_t slot[HIST_SLOTS];
};

static void hist_add(struct hist *h, uint64_t v)
{
    unsigned i = (unsigned)v;
    if (v >= SUB) {
        unsigned shift = 63 - (unsigned)__builtin_clzll(v) - SUB_BITS;
        i = (shift + 1) * SUB + (unsigned)((v >> shift) - SUB);
    }
    h->slot[i]++;
    h->count++;
    h->sum += v;
    if (v > h->max)
        h->max = v;
}

/* Upper edge of the slot holding the given percentile, in microseconds. */
static double hist_us(const struct hist *h, double percentile)
{
    if (!h->count)
        return 0;
    uint64_t want = (uint64_t)ceil((double)h->count * percentile / 100.0), seen = 0;
    for (unsigned i = 0; i < HIST_SLOTS; i++) {
        seen += h->slot[i];
        if (seen >= want && seen) {
            uint64_t top = i;
            if (i >= SUB) {
                unsigned shift = i / SUB - 1;
                top = ((uint64_t)(i % SUB + SUB + 1) << shift) - 1;
            }
            return (double)(top < h->max ? top : h->max) / 1000.0;
        }
    }
    return (double)h->max / 1000.0;
}

/* ====================================================== === Broker process
 * What /proc and the kernel's per process CPU clock say about --broker-pid.   */

struct usage {
    double   cpu, user, sys;     /* seconds, all threads                       */
    long     rss_kb, peak_kb;    /* VmRSS, VmHWM                               */
    uint64_t switches;           /* context switches of all live threads       */
    unsigned threads;
};

static uint64_t status_switches(const char *path, struct usage *u)
{
    char line[256];
    unsigned long long n, sum = 0;
    FILE *f = fopen(path, "r");
    if (!f)
        return 0;
    while (fgets(line, sizeof line, f)) {
        if (sscanf(line, "voluntary_ctxt_switches: %llu", &n) == 1 ||
            sscanf(line, "nonvoluntary_ctxt_switches: %llu", &n) == 1)
            sum += n;
        if (u) {
            sscanf(line, "VmRSS: %ld", &u->rss_kb);
            sscanf(line, "VmHWM: %ld", &u->peak_kb);
        }
    }
    fclose(f);
    return sum;
}

static struct usage broker_usage(void)
{
    struct usage u = {0};
    char path[300], text[1024];
    if (opt.broker_pid <= 0)
        return u;

    /* The process CPU clock has ns resolution; /proc/PID/stat gives the split. */
    clockid_t clock;
    struct timespec ts;
    if (clock_getcpuclockid(opt.broker_pid, &clock) == 0 && clock_gettime(clock, &ts) == 0)
        u.cpu = (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
    snprintf(path, sizeof path, "/proc/%d/stat", opt.broker_pid);
    FILE *f = fopen(path, "r");
    if (f) {
        size_t n = fread(text, 1, sizeof text - 1, f);
        text[n] = 0;
        fclose(f);
        char *p = strrchr(text, ')');           /* the name may hold spaces */
        unsigned long ut, st;
        if (p && sscanf(p + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
                        &ut, &st) == 2) {
            double tick = (double)sysconf(_SC_CLK_TCK);
            u.user = (double)ut / tick;
            u.sys = (double)st / tick;
            if (u.cpu == 0)
                u.cpu = u.user + u.sys;
        }
    }
    snprintf(path, sizeof path, "/proc/%d/status", opt.broker_pid);
    status_switches(path, &u);

    snprintf(path, sizeof path, "/proc/%d/task", opt.broker_pid);
    DIR *d = opendir(path);
    if (d) {
        struct dirent *e;
        while ((e = readdir(d)))
            if (e->d_name[0] != '.') {
                snprintf(path, sizeof path, "/proc/%d/task/%.20s/status",
                         opt.broker_pid, e->d_name);
                u.switches += status_switches(path, NULL);
                u.threads++;
            }
        closedir(d);
    }
    return u;
}

/* Start VmHWM afresh so that "peak" means this run (needs privileges). */
static void broker_reset_peak(void)
{
    char path[64];
    if (opt.broker_pid <= 0)
        return;
    snprintf(path, sizeof path, "/proc/%d/clear_refs", opt.broker_pid);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd >= 0) {
        if (write(fd, "5", 1) < 0) { /* not permitted: peak is since start */ }
        close(fd);
    }
}

static double own_cpu(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* ============================================================= === Buffers
 * A growing byte queue: data is p[off..len).                                  */

struct buf {
    uint8_t *p;
    uint32_t off, len, cap;
};

/* Make room for n more bytes and return where they go (len is not moved). */
static uint8_t *buf_room(struct buf *b, uint32_t n)
{
    if (b->off == b->len)
        b->off = b->len = 0;
    if (b->cap - b->len < n) {
        if (b->off) {
            memmove(b->p, b->p + b->off, b->len - b->off);
            b->len -= b->off;
            b->off = 0;
        }
        if (b->cap - b->len < n) {
            uint32_t cap = b->cap ? b->cap : 128;
            while (cap - b->len < n)
                cap *= 2;
            b->p = realloc(b->p, cap);
            if (!b->p)
                die("out of memory");
            b->cap = cap;
        }
    }
    return b->p + b->len;
}

static uint32_t buf_used(const struct buf *b) { return b->len - b->off; }

static void buf_free(struct buf *b)
{
    free(b->p);
    *b = (struct buf){0};
}

/* ============================================================= === Streams
 * A stream is one publisher's messages as one receiver (or one shared group)
 * should see them: sequence numbers 0, 1, 2 ...  It remembers exactly which
 * have arrived: everything below `base`, plus a bitmap for base..top when
 * something is missing in between.  The usual in-order case touches no bitmap. */

struct stream {
    uint32_t  base;              /* all below have arrived                     */
    uint32_t  top;               /* highest arrived + 1                        */
    uint64_t *bits;              /* ring bitmap, indexed by seq modulo its size*/
    uint32_t  nbits;             /* 0 or a power of two                        */
};

enum { STREAM_MAX_BITS = 1 << 24 };
enum arrival { ARRIVED, ARRIVED_LATE, ARRIVED_AGAIN };

static bool     sbit(const struct stream *s, uint32_t q) { q &= s->nbits - 1; return s->bits[q / 64] >> (q % 64) & 1; }
static void sbit_set(struct stream *s, uint32_t q)   { q &= s->nbits - 1; s->bits[q / 64] |= 1ull << (q % 64); }
static void sbit_clear(struct stream *s, uint32_t q) { q &= s->nbits - 1; s->bits[q / 64] &= ~(1ull << (q % 64)); }

static void stream_grow(struct stream *s, uint32_t seq)
{
    struct stream old = *s;
    while (s->nbits <= seq - s->base && s->nbits < STREAM_MAX_BITS)
        s->nbits = s->nbits ? s->nbits * 2 : 64;
    if (s->nbits != old.nbits) {
        s->bits = xcalloc(s->nbits / 64, sizeof *s->bits);
        for (uint32_t q = old.base; q != old.top && old.nbits; q++)
            if (sbit(&old, q))
                sbit_set(s, q);
        free(old.bits);
    }
    /* A hole further back than the bitmap can hold is lost for good. */
    while (seq - s->base >= s->nbits)
        sbit_clear(s, s->base++);
    if (s->top < s->base)
        s->top = s->base;
}

static enum arrival stream_arrive(struct stream *s, uint32_t seq)
{
    if (seq == s->base && s->base == s->top) {          /* in order, no holes */
        s->base++;
        s->top++;
        return ARRIVED;
    }
    if (seq < s->base)
        return ARRIVED_AGAIN;
    if (seq - s->base >= s->nbits)
        stream_grow(s, seq);
    if (seq < s->top && sbit(s, seq))
        return ARRIVED_AGAIN;
    sbit_set(s, seq);
    enum arrival a = seq < s->top ? ARRIVED_LATE : ARRIVED;
    if (seq >= s->top)
        s->top = seq + 1;
    while (s->base < s->top && sbit(s, s->base))
        sbit_clear(s, s->base++);
    return a;
}

/* =========================================================== === Run state */

enum role { SUB_ROLE, PUB_ROLE };
enum conn_state {
    CLOSED,
    CONNECTING,                  /* until CONNACK                              */
    SUBSCRIBING,                 /* until the last SUBACK                      */
    READY,
    CLOSING,                     /* DISCONNECT sent, waiting for end of file   */
};

/* One unacknowledged publish, found at slots[packet id & mask]. */
struct slot {
    uint64_t ts;
    uint16_t pid;                /* 0: free                                    */
    bool     released;           /* QoS 2: PUBREC seen, PUBREL sent            */
};

struct conn {
    int       fd;
    uint8_t   role, state;
    bool      polling_out, queued, clean;
    uint32_t  index;             /* number within its role                     */
    struct buf out, rest;        /* unsent bytes; start of an incomplete packet*/
    uint64_t  connect_ts, last_send;
    uint32_t  keepalive;         /* seconds, as the server wants it            */

    /* publisher */
    char     *topic;             /* fixed topic, or the fixed part of it       */
    uint32_t  topic_len;
    uint32_t  seq, quota;        /* next message, number of messages to send   */
    uint32_t  due;               /* with --rate: messages whose time has come  */
    uint32_t  window, inflight;
    uint16_t  next_pid;
    uint32_t  slot_mask;
    struct slot *slots;
    struct conn *next_ready;

    /* subscriber */
    uint32_t  filters_sent, filters_acked, in_packet;
    uint32_t  unacked;           /* deliveries whose ack is not written yet    */
    uint32_t  q2_open;           /* QoS 2 deliveries before PUBCOMP            */
    uint64_t *q2_seen;           /* bitmap of those packet ids                 */
    bool      pinged;            /* PINGRESP seen                              */
};

enum topology { T_NONE, T_PAIRS, T_FANIN, T_FANOUT, T_MIX, T_WILD, T_RETAIN, T_OFFLINE };

struct counters {
    uint64_t sent, acked, refused;
    uint64_t expected;           /* deliveries the broker owes                 */
    uint64_t received;           /* deliveries, each counted once              */
    uint64_t duplicates, reordered, unexpected, corrupt;
    uint64_t dup_flag;           /* PUBLISH with DUP set                       */
    uint64_t q2_again;           /* QoS 2 id sent again before PUBREL, DUP set */
    uint64_t pid_reuse;          /* same, DUP clear: a broker error            */
    uint64_t bad_ack;            /* ack for an id that is not in flight        */
    uint64_t over_recv_max, topic_alias, disconnects, no_session, no_match;
    uint64_t accounted;          /* received, or seen to be skipped            */
    uint64_t stalls;             /* waits given up because nothing arrived     */
    uint64_t filters, retain_flag;
};

static struct run {
    int      ep;
    uint8_t  tag;                /* in every stamp; tells this run from others */
    char     root[96];           /* first levels of every topic                */
    char     idbase[16];         /* first part of every client id              */
    uint64_t base;               /* stamps count ns from here                  */
    enum topology topo;
    struct conn *subs, *pubs;
    uint32_t nsubs, npubs;
    bool     persistent;         /* subscribers keep their session             */
    bool     ordered;            /* each stream must arrive in order           */
    bool     record;             /* take publish-to-receive latencies          */
    bool     retain;             /* publish with RETAIN set                    */
    struct stream *streams;
    uint32_t nstreams;
    struct counters n;
    uint64_t limit, forgiven;    /* bound on outstanding deliveries            */
    uint64_t inflight;           /* unacknowledged publishes of all publishers */
    uint64_t clock;              /* time of this turn of the event loop        */
    uint64_t last_progress;      /* when anything was last read                */
    uint64_t last_counted;       /* when a delivery or an ack last came        */

    /* publishing */
    bool     publishing;
    struct conn *ready, **ready_end;
    uint32_t pubs_left;          /* publishers below their quota               */
    uint64_t t0;                 /* start of publishing                        */
    double   interval;           /* with --rate: ns between messages           */
    uint64_t due_total, due_limit, warm_end;

    /* setup */
    uint32_t setup_ready, setup_open;
    bool     subscribe, expect_session;

    uint8_t *rbuf;               /* the shared read buffer                     */
    size_t   rcap;
    uint8_t *filler;             /* payload after the stamp                    */
    uint8_t  props[4 + 64 * 16]; /* MQTT 5 publish properties incl. length     */
    uint32_t props_len;

    struct hist latency, ack, connect, lag;
} R;

static uint64_t outstanding(void)
{
    uint64_t done = R.n.accounted + R.forgiven;
    return R.n.expected > done ? R.n.expected - done : 0;
}

/* ============================================================ === Topology
 * Which topic a publisher's next message goes to, which filters a subscriber
 * has, how many deliveries a message makes and which stream a delivery is in.
 *
 *   pairs    ROOT/pairs/I[/K]      subscriber I takes publisher I
 *   fanin    ROOT/fanin/I          one subscriber (or --share group) of fanin/+
 *   fanout   ROOT/fanout/I         every subscriber takes fanout/+
 *   mix      ROOT/mix/I/SHARD/telemetry
 *                                  consumer 0 takes mix/#, consumer C > 0 takes
 *                                  mix/+/C-1/telemetry
 *   wild     ROOT/wild/A/B/C/D     random digits; four kinds of filters
 *   retain   ROOT/retain/K         subscribers take retain/#
 *   offline  ROOT/offline/S        session S has one filter
 *
 * wild: A..D are digits in base W.base.  Filter kinds are +/B/C/D, A/+/C/D,
 * A/B/+/D and A/B/C/#.  A filter's number is its three literal digits; of each
 * kind the numbers below W.per_kind are subscribed.  A client has filters of a
 * single kind only, so no topic matches two filters of the same client and the
 * number of deliveries is exact (brokers may merge overlapping subscriptions).
 * A stream here is publisher x kind.  It sees only some of the publisher's
 * messages; the sequence numbers it must not see are marked as arrived when the
 * message is sent, so a hole is a loss and an unwanted delivery a duplicate.    */

enum { KINDS = 4 };
static struct { uint32_t base, per_kind, clients_per_kind; uint64_t space; } W;

struct message {
    uint32_t topic_len, stamp_seq, deliveries;
    char     topic[TOPIC_MAX];
};

static uint32_t put_decimal(char *dst, uint32_t v)
{
    char tmp[10];
    uint32_t n = 0, i = 0;
    do
        tmp[n++] = (char)('0' + v % 10);
    while (v /= 10);
    while (n)
        dst[i++] = tmp[--n];
    return i;
}

static uint32_t wild_number(const uint32_t digit[4], unsigned kind)
{
    uint32_t n = 0;
    for (unsigned i = 0; i < 4; i++)
        if (i != kind)
            n = n * W.base + digit[i];
    return n;
}

static void next_message(struct conn *c, struct message *m)
{
    memcpy(m->topic, c->topic, c->topic_len);
    m->topic_len = c->topic_len;
    m->stamp_seq = c->seq;
    m->deliveries = 1;
    switch (R.topo) {
    case T_PAIRS:
        if (opt.topics > 1)
            m->topic_len += put_decimal(m->topic + m->topic_len, c->seq % opt.topics);
        break;
    case T_FANIN:
        m->deliveries = opt.share ? 1 : R.nsubs;
        break;
    case T_FANOUT:
        m->deliveries = R.nsubs;
        break;
    case T_MIX:
        m->deliveries = R.nsubs > 1 ? 2 : 1;
        break;
    case T_RETAIN:
        m->topic_len += put_decimal(m->topic + m->topic_len, c->seq * R.npubs + c->index);
        m->deliveries = 0;
        break;
    case T_OFFLINE: {
        /* Publisher P's j-th message is number j / sessions for session (P+j). */
        uint32_t session = (uint32_t)(((uint64_t)c->index + c->seq) % R.nsubs);
        m->topic_len += put_decimal(m->topic + m->topic_len, session);
        m->stamp_seq = c->seq / R.nsubs;
        break;
    }
    case T_WILD: {
        uint64_t space = opt.topics ? opt.topics : W.space;
        uint64_t t = rng() % space * 2654435761u % W.space;
        uint32_t digit[4];
        for (unsigned i = 0; i < 4; i++, t /= W.base) {
            digit[i] = (uint32_t)(t % W.base);
            m->topic[m->topic_len++] = '/';
            m->topic_len += put_decimal(m->topic + m->topic_len, digit[i]);
        }
        m->deliveries = 0;
        for (unsigned k = 0; k < KINDS; k++)
            if (wild_number(digit, k) < W.per_kind)
                m->deliveries++;
            else
                stream_arrive(&R.streams[c->index * KINDS + k], c->seq);
        break;
    }
    case T_NONE:
        break;
    }
}

/* The stream of a delivery, NULL if this subscriber should not have got it. */
static struct stream *stream_of(const struct conn *sub, uint32_t pub)
{
    if (pub >= R.npubs)
        return NULL;
    switch (R.topo) {
    case T_PAIRS:
        return pub == sub->index ? &R.streams[pub] : NULL;
    case T_FANIN:
        return &R.streams[opt.share ? pub : sub->index * R.npubs + pub];
    case T_MIX:
        if (sub->index && pub % (R.nsubs - 1) != sub->index - 1)
            return NULL;
        return &R.streams[sub->index * R.npubs + pub];
    case T_WILD:
        return &R.streams[pub * KINDS + sub->index % KINDS];
    case T_FANOUT: case T_RETAIN: case T_OFFLINE:
        return &R.streams[sub->index * R.npubs + pub];
    case T_NONE:
        break;
    }
    return NULL;
}

static uint32_t filter_count(const struct conn *c)
{
    if (c->role == PUB_ROLE)
        return 0;
    switch (R.topo) {
    case T_PAIRS:
        return opt.topics > 1 ? opt.topics : 1;
    case T_WILD: {
        uint32_t first = c->index / KINDS;
        return first < W.per_kind
            ? (W.per_kind - first + W.clients_per_kind - 1) / W.clients_per_kind : 0;
    }
    case T_NONE:
        return opt.with_sub ? 1 : 0;
    default:
        return 1;
    }
}

static uint32_t make_filter(const struct conn *c, uint32_t i, char *dst)
{
    int n = 0;
    switch (R.topo) {
    case T_NONE:
        n = snprintf(dst, TOPIC_MAX, "%s/idle/%u", R.root, c->index);
        break;
    case T_PAIRS:
        n = opt.topics > 1 ? snprintf(dst, TOPIC_MAX, "%s/pairs/%u/%u", R.root, c->index, i)
                           : snprintf(dst, TOPIC_MAX, "%s/pairs/%u", R.root, c->index);
        break;
    case T_FANIN:
        n = opt.share ? snprintf(dst, TOPIC_MAX, "$share/group/%s/fanin/+", R.root)
                      : snprintf(dst, TOPIC_MAX, "%s/fanin/+", R.root);
        break;
    case T_FANOUT:
        n = snprintf(dst, TOPIC_MAX, "%s/fanout/+", R.root);
        break;
    case T_MIX:
        n = c->index ? snprintf(dst, TOPIC_MAX, "%s/mix/+/%u/telemetry", R.root, c->index - 1)
                     : snprintf(dst, TOPIC_MAX, "%s/mix/#", R.root);
        break;
    case T_RETAIN:
        n = snprintf(dst, TOPIC_MAX, "%s/retain/#", R.root);
        break;
    case T_OFFLINE:
        n = snprintf(dst, TOPIC_MAX, "%s/offline/%u", R.root, c->index);
        break;
    case T_WILD: {
        uint32_t kind = c->index % KINDS;
        uint32_t number = c->index / KINDS + i * W.clients_per_kind;
        uint32_t lit[3] = { number / W.base / W.base, number / W.base % W.base, number % W.base };
        switch (kind) {
        case 0: n = snprintf(dst, TOPIC_MAX, "%s/wild/+/%u/%u/%u", R.root, lit[0], lit[1], lit[2]); break;
        case 1: n = snprintf(dst, TOPIC_MAX, "%s/wild/%u/+/%u/%u", R.root, lit[0], lit[1], lit[2]); break;
        case 2: n = snprintf(dst, TOPIC_MAX, "%s/wild/%u/%u/+/%u", R.root, lit[0], lit[1], lit[2]); break;
        default: n = snprintf(dst, TOPIC_MAX, "%s/wild/%u/%u/%u/#", R.root, lit[0], lit[1], lit[2]); break;
        }
        break;
    }
    }
    return (uint32_t)n;
}

/* The fixed (part of the) topic of each publisher. */
static void make_topic(struct conn *c)
{
    char t[TOPIC_MAX];
    switch (R.topo) {
    case T_PAIRS:
        snprintf(t, sizeof t, opt.topics > 1 ? "%s/pairs/%u/" : "%s/pairs/%u", R.root, c->index);
        break;
    case T_FANIN:  snprintf(t, sizeof t, "%s/fanin/%u", R.root, c->index); break;
    case T_FANOUT: snprintf(t, sizeof t, "%s/fanout/%u", R.root, c->index); break;
    case T_MIX:
        snprintf(t, sizeof t, "%s/mix/%u/%u/telemetry", R.root, c->index,
                 R.nsubs > 1 ? c->index % (R.nsubs - 1) : 0);
        break;
    case T_WILD:    snprintf(t, sizeof t, "%s/wild", R.root); break;
    case T_RETAIN:  snprintf(t, sizeof t, "%s/retain/", R.root); break;
    case T_OFFLINE: snprintf(t, sizeof t, "%s/offline/", R.root); break;
    case T_NONE:    t[0] = 0; break;
    }
    c->topic = strdup(t);
    c->topic_len = (uint32_t)strlen(t);
}

/* ============================================================ === Encoding */

enum packet_type {
    CONNECT = 1, CONNACK, PUBLISH, PUBACK, PUBREC, PUBREL, PUBCOMP,
    SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK, PINGREQ, PINGRESP, DISCONNECT, AUTH,
};

enum property {
    P_SESSION_EXPIRY = 0x11, P_SERVER_KEEPALIVE = 0x13, P_RECEIVE_MAX = 0x21,
    P_TOPIC_ALIAS = 0x23, P_MAX_QOS = 0x24, P_RETAIN_AVAILABLE = 0x25, P_USER = 0x26,
    P_MAX_PACKET = 0x27, P_WILDCARD_AVAILABLE = 0x28, P_SHARED_AVAILABLE = 0x2A,
};

static uint8_t *put16(uint8_t *p, uint32_t v) { p[0] = (uint8_t)(v >> 8); p[1] = (uint8_t)v; return p + 2; }
static uint8_t *put32(uint8_t *p, uint32_t v) { return put16(put16(p, v >> 16), v); }

static uint8_t *put_varint(uint8_t *p, uint32_t v)
{
    do {
        *p++ = (uint8_t)((v & 127) | (v > 127 ? 128 : 0));
        v >>= 7;
    } while (v);
    return p;
}

static uint8_t *put_string(uint8_t *p, const char *s, size_t n)
{
    memcpy(put16(p, (uint32_t)n), s, n);
    return p + 2 + n;
}

static uint32_t get16(const uint8_t *p) { return (uint32_t)p[0] << 8 | p[1]; }
static uint32_t get32(const uint8_t *p) { return get16(p) << 16 | get16(p + 2); }

/* Append a packet whose body is already in memory. */
static void put_packet(struct conn *c, uint8_t first, const uint8_t *body, size_t n)
{
    uint8_t *start = buf_room(&c->out, (uint32_t)n + 5), *p = start;
    *p++ = first;
    p = put_varint(p, (uint32_t)n);
    if (n)
        memcpy(p, body, n);
    c->out.len += (uint32_t)(p - start + (ptrdiff_t)n);
}

/* PUBACK, PUBREC, PUBREL, PUBCOMP; without a reason code in every version. */
static void put_ack(struct conn *c, uint8_t first, uint32_t pid)
{
    uint8_t *p = buf_room(&c->out, 4);
    p[0] = first;
    p[1] = 2;
    put16(p + 2, pid);
    c->out.len += 4;
}

static void put_connect(struct conn *c)
{
    uint8_t body[1024], *p = body;
    char id[40];
    snprintf(id, sizeof id, "%s%c%u", R.idbase, c->role == PUB_ROLE ? 'p' : 's', c->index);
    p = opt.mqtt == 3 ? put_string(p, "MQIsdp", 6) : put_string(p, "MQTT", 4);
    *p++ = (uint8_t)opt.mqtt;
    *p++ = (uint8_t)((c->clean ? 2 : 0) | (opt.username ? 128 : 0) | (opt.password ? 64 : 0));
    p = put16(p, opt.keepalive);
    if (opt.mqtt == 5) {
        uint8_t *len = p++;
        if (R.persistent && c->role == SUB_ROLE && !c->clean) {
            *p++ = P_SESSION_EXPIRY;
            p = put32(p, 3600);
        }
        if (opt.recv_max) {
            *p++ = P_RECEIVE_MAX;
            p = put16(p, opt.recv_max);
        }
        /* No Topic Alias Maximum: the server must not send aliases. */
        *len = (uint8_t)(p - len - 1);
    }
    p = put_string(p, id, strlen(id));
    if (opt.username)
        p = put_string(p, opt.username, strlen(opt.username));
    if (opt.password)
        p = put_string(p, opt.password, strlen(opt.password));
    put_packet(c, CONNECT << 4, body, (size_t)(p - body));
}

/* The next SUBSCRIBE of a connection, with as many filters as fit in 4 KiB. */
static void put_subscribe(struct conn *c)
{
    uint8_t body[4096 + TOPIC_MAX], *p = body;
    uint32_t total = filter_count(c);
    p = put16(p, c->filters_sent % 65535 + 1);
    if (opt.mqtt == 5)
        *p++ = 0;
    for (c->in_packet = 0; c->filters_sent < total && p < body + 4096 - TOPIC_MAX; c->in_packet++) {
        char filter[TOPIC_MAX];
        uint32_t n = make_filter(c, c->filters_sent++, filter);
        p = put_string(p, filter, n);
        *p++ = (uint8_t)opt.sub_qos;
    }
    put_packet(c, SUBSCRIBE << 4 | 2, body, (size_t)(p - body));
}

/* Payload stamp: run tag (1 byte), publisher (3), sequence (4), time (8). */
static void put_publish(struct conn *c, uint64_t ts)
{
    struct message m;
    next_message(c, &m);
    uint32_t rest = 2 + m.topic_len + (opt.qos ? 2 : 0) + R.props_len + opt.size;
    uint8_t *start = buf_room(&c->out, rest + 5), *p = start;
    *p++ = (uint8_t)(PUBLISH << 4 | opt.qos << 1 | (R.retain ? 1 : 0));
    p = put_varint(p, rest);
    p = put_string(p, m.topic, m.topic_len);
    if (opt.qos) {
        /* Identifiers run through 1..65535; one still in flight is skipped. */
        do
            c->next_pid++;
        while (!c->next_pid || c->slots[c->next_pid & c->slot_mask].pid);
        c->slots[c->next_pid & c->slot_mask] = (struct slot){ .ts = ts, .pid = c->next_pid };
        c->inflight++;
        R.inflight++;
        p = put16(p, c->next_pid);
    }
    memcpy(p, R.props, R.props_len);
    p += R.props_len;
    p = put32(p, (uint32_t)R.tag << 24 | c->index);
    p = put32(p, m.stamp_seq);
    uint64_t t = ts - R.base;
    p = put32(put32(p, (uint32_t)(t >> 32)), (uint32_t)t);
    memcpy(p, R.filler, opt.size - STAMP_BYTES);
    p += opt.size - STAMP_BYTES;
    c->out.len += (uint32_t)(p - start);
    c->seq++;
    R.n.sent++;
    R.n.expected += m.deliveries;
}

/* ========================================================= === Connections */

static struct sockaddr_storage server;
static socklen_t server_len;

/* Only 127.0.0.0/8 and ::1: this program must not be pointed at other hosts. */
static void set_server(void)
{
    const char *host = strcmp(opt.host, "localhost") ? opt.host : "127.0.0.1";
    struct sockaddr_in *v4 = (struct sockaddr_in *)&server;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&server;
    if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
        if (ntohl(v4->sin_addr.s_addr) >> 24 != 127)
            die("refusing %s: only loopback addresses are allowed", host);
        v4->sin_family = AF_INET;
        v4->sin_port = htons((uint16_t)opt.port);
        server_len = sizeof *v4;
    } else if (inet_pton(AF_INET6, host, &v6->sin6_addr) == 1) {
        if (!IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr))
            die("refusing %s: only loopback addresses are allowed", host);
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons((uint16_t)opt.port);
        server_len = sizeof *v6;
    } else {
        die("refusing %s: not a loopback address", host);
    }
}

static void poll_for(struct conn *c, bool out)
{
    struct epoll_event e = { .events = EPOLLIN | (out ? EPOLLOUT : 0), .data.ptr = c };
    c->polling_out = out;
    if (epoll_ctl(R.ep, EPOLL_CTL_MOD, c->fd, &e) < 0)
        die("epoll_ctl: %s", strerror(errno));
}

static void conn_close(struct conn *c)
{
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
    c->state = CLOSED;
    c->polling_out = false;
    buf_free(&c->out);
    buf_free(&c->rest);
}

/* The broker closed a connection, or broke the protocol on it. */
__attribute__((format(printf, 2, 3)))
static void conn_fail(struct conn *c, const char *fmt, ...)
{
    if (c->state == CLOSING) {
        conn_close(c);
        R.setup_open--;
        return;
    }
    char why[200];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(why, sizeof why, fmt, ap);
    va_end(ap);
    const char *role = c->role == PUB_ROLE ? "publisher" : "subscriber";
    if (c->state == CONNECTING || c->state == SUBSCRIBING)
        die("%s %u: %s while %s", role, c->index, why,
            c->state == CONNECTING ? "connecting" : "subscribing");
    if (R.n.disconnects++ < 5)
        fprintf(stderr, "mqttload: %s %u: %s\n", role, c->index, why);
    if (c->role == PUB_ROLE && c->seq < c->quota)
        R.pubs_left--;
    R.inflight -= c->inflight;
    c->inflight = 0;
    conn_close(c);
}

static void pub_wake(struct conn *c);

/* Write what is buffered; what the socket does not take waits for EPOLLOUT. */
static void flush(struct conn *c)
{
    uint32_t n = buf_used(&c->out);
    if (n) {
        ssize_t w = send(c->fd, c->out.p + c->out.off, n, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (w < 0) {
            if (errno != EAGAIN && errno != EINTR && errno != ENOTCONN) {
                conn_fail(c, "send: %s", strerror(errno));
                return;
            }
            w = 0;
        }
        c->out.off += (uint32_t)w;
        c->last_send = R.clock;
        if ((uint32_t)w < n) {
            if (!c->polling_out)
                poll_for(c, true);
            return;
        }
    }
    c->unacked = 0;
    if (c->polling_out) {
        poll_for(c, false);
        pub_wake(c);
    }
}

static void conn_open(struct conn *c)
{
    int family = server.ss_family, one = 1;
    c->fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0)
        die("socket: %s (try a higher ulimit -n)", strerror(errno));
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);

    /* More connections than one address has ports: 20000 from each 127.0.0.x. */
    uint32_t group = c->index / 20000;
    if (group && family == AF_INET) {
        struct sockaddr_in from = { .sin_family = AF_INET,
                                    .sin_addr.s_addr = htonl(INADDR_LOOPBACK + group) };
        setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
        if (bind(c->fd, (struct sockaddr *)&from, sizeof from) < 0)
            die("bind: %s", strerror(errno));
    }
    c->connect_ts = now_ns();
    c->last_send = c->connect_ts;
    c->keepalive = opt.keepalive;
    c->state = CONNECTING;
    c->queued = false;
    c->unacked = 0;
    if (connect(c->fd, (struct sockaddr *)&server, server_len) < 0 && errno != EINPROGRESS)
        die("connect to %s port %d: %s", opt.host, opt.port, strerror(errno));
    struct epoll_event e = { .events = EPOLLIN | EPOLLOUT, .data.ptr = c };
    c->polling_out = true;
    if (epoll_ctl(R.ep, EPOLL_CTL_ADD, c->fd, &e) < 0)
        die("epoll_ctl: %s", strerror(errno));
    put_connect(c);
    R.setup_open++;
}

/* The connection is fully set up. */
static void conn_ready(struct conn *c)
{
    c->state = READY;
    R.setup_open--;
    R.setup_ready++;
}

/* ============================================================ === Decoding */

/* Step over one MQTT 5 property.  Returns its value's address and advances
 * *p, or NULL if it is malformed or unknown.                                  */
static const uint8_t *next_property(const uint8_t **p, const uint8_t *end, unsigned *id)
{
    if (*p >= end)
        return NULL;
    *id = *(*p)++;
    const uint8_t *value = *p;
    size_t left = (size_t)(end - value), n;
    switch (*id) {
    case 0x01: case 0x17: case 0x19: case 0x24: case 0x25: case 0x28: case 0x29: case 0x2A:
        n = 1;
        break;
    case 0x13: case 0x21: case 0x22: case 0x23:
        n = 2;
        break;
    case 0x02: case 0x11: case 0x18: case 0x27:
        n = 4;
        break;
    case 0x0B:
        for (n = 0; n < left && n < 4 && value[n] & 128; n++)
            ;
        n++;
        break;
    case 0x03: case 0x08: case 0x09: case 0x12: case 0x15: case 0x16: case 0x1A: case 0x1C: case 0x1F:
        n = left < 2 ? left + 1 : 2 + get16(value);
        break;
    case 0x26:
        n = left < 2 ? left + 1 : 2 + get16(value);
        n = n + 2 > left ? left + 1 : n + 2 + get16(value + n);
        break;
    default:
        return NULL;
    }
    if (n > left)
        return NULL;
    *p += n;
    return value;
}

/* Read a property length; the properties are [*p, result).  NULL: malformed. */
static const uint8_t *properties_end(const uint8_t **p, const uint8_t *end)
{
    uint32_t n = 0;
    for (unsigned shift = 0; shift <= 21; shift += 7) {
        if (*p >= end)
            return NULL;
        uint8_t b = *(*p)++;
        n |= (uint32_t)(b & 127) << shift;
        if (!(b & 128))
            return n <= (size_t)(end - *p) ? *p + n : NULL;
    }
    return NULL;
}

static bool on_connack(struct conn *c, const uint8_t *p, const uint8_t *end)
{
    if (end - p < 2 || c->state != CONNECTING)
        return false;
    bool present = p[0] & 1;
    if (p[1])
        die("connection refused by the broker, reason code 0x%02x", p[1]);
    p += 2;
    c->window = opt.window;
    if (opt.mqtt == 5) {
        const uint8_t *stop = properties_end(&p, end), *v;
        unsigned id;
        if (!stop)
            return false;
        while (p < stop) {
            if (!(v = next_property(&p, stop, &id)))
                return false;
            if (id == P_RECEIVE_MAX && get16(v) && get16(v) < c->window)
                c->window = get16(v);
            if (id == P_SERVER_KEEPALIVE)
                c->keepalive = get16(v);
            if (id == P_MAX_QOS && opt.qos > v[0] && c->role == PUB_ROLE)
                die("the broker's maximum QoS is %d", v[0]);
            if (id == P_RETAIN_AVAILABLE && !v[0] && R.topo == T_RETAIN)
                die("the broker does not retain messages");
            if (id == P_WILDCARD_AVAILABLE && !v[0] && R.topo != T_PAIRS && R.topo != T_NONE)
                die("the broker has no wildcard subscriptions");
            if (id == P_SHARED_AVAILABLE && !v[0] && opt.share)
                die("the broker has no shared subscriptions");
            if (id == P_MAX_PACKET && get32(v) < opt.size + TOPIC_MAX)
                die("the broker's maximum packet size is %u", get32(v));
        }
    }
    if (R.expect_session && c->role == SUB_ROLE && !present && opt.mqtt != 3)
        R.n.no_session++;
    hist_add(&R.connect, R.clock - c->connect_ts);
    if (R.subscribe && filter_count(c)) {
        c->state = SUBSCRIBING;
        c->filters_sent = 0;
        put_subscribe(c);
    } else {
        conn_ready(c);
    }
    return true;
}

static bool on_suback(struct conn *c, const uint8_t *p, const uint8_t *end)
{
    if (end - p < 2 || c->state != SUBSCRIBING)
        return false;
    p += 2;
    if (opt.mqtt == 5 && !(p = properties_end(&p, end)))
        return false;
    if (end - p != c->in_packet)
        return false;
    for (; p < end; p++) {
        if (*p >= 0x80)
            die("subscriber %u: subscription refused, reason code 0x%02x", c->index, *p);
        if (*p != opt.sub_qos)
            die("subscriber %u: got QoS %d, asked for %d", c->index, *p, opt.sub_qos);
        R.n.filters++;
    }
    if (c->filters_sent < filter_count(c))
        put_subscribe(c);
    else
        conn_ready(c);
    return true;
}

/* Count one delivery.  p is the payload of n bytes. */
static void count_delivery(struct conn *c, const uint8_t *p, size_t n, uint64_t t)
{
    if (n != opt.size || p[0] != R.tag) {
        R.n.unexpected++;                       /* not from this run, or damaged */
        return;
    }
    struct stream *s = stream_of(c, get32(p) & 0xffffff);
    if (!s) {
        R.n.unexpected++;
        return;
    }
    if (opt.verify && memcmp(p + STAMP_BYTES, R.filler, n - STAMP_BYTES))
        R.n.corrupt++;
    uint32_t top = s->top;
    enum arrival a = stream_arrive(s, get32(p + 4));
    if (a == ARRIVED_AGAIN) {
        R.n.duplicates++;
        return;
    }
    R.n.received++;
    R.last_counted = t;
    if (!R.ordered) {
        R.n.accounted++;
    } else {
        /* What an ordered stream skips is not waited for any more. */
        R.n.accounted += s->top - top;
        R.n.reordered += a == ARRIVED_LATE;
    }
    if (R.record) {
        uint64_t sent = R.base + ((uint64_t)get32(p + 8) << 32 | get32(p + 12));
        if (sent >= R.warm_end)
            hist_add(&R.latency, t > sent ? t - sent : 0);
    }
}

static bool on_publish(struct conn *c, uint8_t first, const uint8_t *p, const uint8_t *end, uint64_t t)
{
    unsigned qos = first >> 1 & 3, pid = 0;
    if (end - p < 2 || (size_t)(end - p) < 2 + get16(p) || c->role != SUB_ROLE || qos == 3)
        return false;
    p += 2 + get16(p);
    if (qos) {
        if (end - p < 2 || !(pid = get16(p)))
            return false;
        p += 2;
    }
    if (opt.mqtt == 5) {
        const uint8_t *stop = properties_end(&p, end);
        unsigned id;
        if (!stop)
            return false;
        while (p < stop) {
            if (!next_property(&p, stop, &id))
                return false;
            R.n.topic_alias += id == P_TOPIC_ALIAS;
        }
    }
    R.n.dup_flag += first >> 3 & 1;
    R.n.retain_flag += first & 1;

    if (qos == 1) {
        put_ack(c, PUBACK << 4, pid);
        c->unacked++;
    } else if (qos == 2) {
        put_ack(c, PUBREC << 4, pid);
        if (!c->q2_seen)
            c->q2_seen = xcalloc(65536 / 64, sizeof *c->q2_seen);
        uint64_t bit = 1ull << (pid % 64), *word = &c->q2_seen[pid / 64];
        if (*word & bit) {                      /* not ours to deliver again */
            if (first & 8)
                R.n.q2_again++;
            else
                R.n.pid_reuse++;
            return true;
        }
        *word |= bit;
        c->q2_open++;
    }
    if (opt.recv_max && c->unacked + c->q2_open > opt.recv_max)
        R.n.over_recv_max++;
    count_delivery(c, p, (size_t)(end - p), t);
    return true;
}

/* PUBACK, PUBREC, PUBCOMP for a publisher. */
static bool on_ack(struct conn *c, unsigned type, const uint8_t *p, const uint8_t *end, uint64_t t)
{
    if (end - p < 2 || c->role != PUB_ROLE)
        return false;
    unsigned pid = get16(p), reason = end - p > 2 ? p[2] : 0;
    struct slot *s = c->slots ? &c->slots[pid & c->slot_mask] : NULL;
    if (!s || !pid || s->pid != pid || (type == PUBACK) != (opt.qos == 1)) {
        R.n.bad_ack++;
        return true;
    }
    if (type == PUBREC && reason < 0x80) {
        s->released = true;
        put_ack(c, PUBREL << 4 | 2, pid);
        return true;
    }
    if (type == PUBCOMP && !s->released)
        R.n.bad_ack++;
    if (reason >= 0x80) {
        R.n.refused++;
    } else {
        R.n.acked++;
        R.n.no_match += reason == 0x10;
        if (s->ts >= R.warm_end)
            hist_add(&R.ack, t > s->ts ? t - s->ts : 0);
    }
    *s = (struct slot){0};
    c->inflight--;
    R.inflight--;
    R.last_counted = t;
    return true;
}

/* One complete packet.  False: the broker broke the protocol. */
static bool on_packet(struct conn *c, uint8_t first, const uint8_t *p, const uint8_t *end, uint64_t t)
{
    if (c->state == CONNECTING && first >> 4 != CONNACK)
        return false;
    switch (first >> 4) {
    case CONNACK:
        return on_connack(c, p, end);
    case PUBLISH:
        return on_publish(c, first, p, end, t);
    case PUBACK: case PUBREC: case PUBCOMP:
        return on_ack(c, first >> 4, p, end, t);
    case PUBREL: {
        if (end - p < 2 || c->role != SUB_ROLE)
            return false;
        unsigned pid = get16(p);
        put_ack(c, PUBCOMP << 4, pid);
        if (c->q2_seen && c->q2_seen[pid / 64] >> (pid % 64) & 1) {
            c->q2_seen[pid / 64] &= ~(1ull << (pid % 64));
            c->q2_open--;
        }
        return true;
    }
    case SUBACK:
        return on_suback(c, p, end);
    case PINGRESP:
        c->pinged = true;
        return true;
    case DISCONNECT:
        conn_fail(c, "DISCONNECT from the broker, reason code 0x%02x", end > p ? p[0] : 0);
        return true;
    default:
        return false;
    }
}

static void on_readable(struct conn *c)
{
    /* The start of a large packet stays where it is; a small one is moved in
     * front of the shared buffer, so that one read can complete it.           */
    uint32_t have = buf_used(&c->rest);
    bool in_place = have >= 16384;
    uint8_t *base = R.rbuf;
    if (in_place) {
        buf_room(&c->rest, (uint32_t)R.rcap);
        base = c->rest.p + c->rest.off;
    } else if (have) {
        memcpy(base, c->rest.p + c->rest.off, have);
    }
    ssize_t n = recv(c->fd, base + have, R.rcap - (in_place ? 0 : have), MSG_DONTWAIT);
    if (n <= 0) {
        if (n == 0)
            conn_fail(c, "closed by the broker");
        else if (errno != EAGAIN && errno != EINTR)
            conn_fail(c, "recv: %s", strerror(errno));
        return;
    }
    uint64_t t = R.clock = R.last_progress = now_ns();

    const uint8_t *p = base, *end = base + have + n;
    while (end - p >= 2) {
        uint32_t len = p[1] & 127;
        const uint8_t *body = p + 2;
        if (p[1] & 128) {                       /* two to four length bytes */
            unsigned shift = 7;
            for (; body < end && body < p + 5; shift += 7) {
                len |= (uint32_t)(*body & 127) << shift;
                if (!(*body++ & 128))
                    goto complete;
            }
            if (body == p + 5) {
                conn_fail(c, "malformed remaining length");
                return;
            }
            break;
        }
complete:
        if ((size_t)(end - body) < len) {
            if (len > R.rcap - 16) {
                conn_fail(c, "packet of %u bytes", len);
                return;
            }
            break;
        }
        if (!on_packet(c, *p, body, body + len, t)) {
            conn_fail(c, "protocol error in a packet of type %d, %u bytes", *p >> 4, len);
            return;
        }
        if (c->state == CLOSED)
            return;
        p = body + len;
    }

    uint32_t left = (uint32_t)(end - p);
    if (in_place) {
        c->rest.len += (uint32_t)n;
        c->rest.off = c->rest.len - left;
    } else {
        c->rest.off = c->rest.len = 0;
        if (left) {
            memcpy(buf_room(&c->rest, left), p, left);
            c->rest.len = left;
        }
    }
    if (c->state == CLOSING && !c->polling_out)
        c->out.off = c->out.len;                /* no acks after DISCONNECT */
    else if (buf_used(&c->out) && !c->polling_out)
        flush(c);
    pub_wake(c);
}

/* ========================================================== === Publishing
 * Publishers that may send form a queue.  Each turn writes up to --burst
 * messages with one send().  A publisher leaves the queue when its window is
 * full, its socket is full or (with --rate) nothing is due; the ack, EPOLLOUT
 * or the schedule puts it back.                                               */

static bool pub_may_send(const struct conn *c)
{
    return c->seq < c->quota && (!opt.rate || c->due) && (!opt.qos || c->inflight < c->window);
}

static void pub_wake(struct conn *c)
{
    if (c->role != PUB_ROLE || !R.publishing || c->queued || c->state != READY ||
        c->polling_out || !pub_may_send(c))
        return;
    c->queued = true;
    c->next_ready = NULL;
    *R.ready_end = c;
    R.ready_end = &c->next_ready;
}

/* With --rate, message k is due at t0 + k * interval, from publisher k % npubs. */
static uint64_t due_time(uint64_t k)
{
    return R.t0 + (uint64_t)((double)k * R.interval);
}

static void schedule(uint64_t now)
{
    while (R.due_total < R.due_limit && due_time(R.due_total) <= now) {
        struct conn *c = &R.pubs[R.due_total++ % R.npubs];
        c->due++;
        pub_wake(c);
    }
}

static void pump(uint64_t now)
{
    for (unsigned budget = PUMP_MESSAGES; R.ready && budget;) {
        struct conn *c = R.ready;
        unsigned n = 0;
        if (c->state == READY)
            while (n < opt.burst && pub_may_send(c) && outstanding() < R.limit) {
                uint64_t ts = now;
                if (opt.rate) {
                    ts = due_time((uint64_t)c->seq * R.npubs + c->index);
                    hist_add(&R.lag, now > ts ? now - ts : 0);
                    c->due--;
                }
                put_publish(c, ts);
                n++;
            }
        if (!n && c->state == READY && pub_may_send(c))
            return;                             /* the limit: c stays first */
        R.ready = c->next_ready;
        if (!R.ready)
            R.ready_end = &R.ready;
        c->queued = false;
        budget -= n < budget ? n : budget;
        if (!n)
            continue;
        if (c->seq == c->quota)
            R.pubs_left--;
        flush(c);
        pub_wake(c);
        if (opt.rate || opt.qos)
            now = now_ns();
    }
}

/* ========================================================== === Event loop */

static void keep_alive(void)
{
    static uint64_t last;
    if (R.clock - last < NS)
        return;
    last = R.clock;
    for (unsigned role = 0; role < 2; role++) {
        struct conn *v = role == PUB_ROLE ? R.pubs : R.subs;
        uint32_t n = role == PUB_ROLE ? R.npubs : R.nsubs;
        for (struct conn *c = v; c < v + n; c++)
            if (c->state == READY && c->keepalive &&
                R.clock - c->last_send > c->keepalive * NS / 2) {
                put_packet(c, PINGREQ << 4, NULL, 0);
                if (!c->polling_out)
                    flush(c);
            }
    }
}

/* Wait for events (not past `until`), handle them, publish what may be sent. */
static void turn(uint64_t until)
{
    struct epoll_event ev[512];
    uint64_t now = now_ns();
    uint64_t wait = until > now ? until - now : 0;
    bool exact = false;
    if (wait > NS / 10)
        wait = NS / 10;
    if (R.publishing) {
        if (R.ready && outstanding() < R.limit) {
            wait = 0;
        } else if (opt.rate && R.due_total < R.due_limit) {
            uint64_t due = due_time(R.due_total);
            due = due > now ? due - now : 0;
            if (due < wait)
                wait = due, exact = true;
        }
    }
    if (opt.spin && R.publishing)
        wait = 0;
    int timeout = (int)((wait + 999999) / 1000000);
    if (exact) {                                /* epoll_wait counts in ms only */
        struct pollfd pfd = { .fd = R.ep, .events = POLLIN };
        struct timespec ts = { .tv_sec = 0, .tv_nsec = (long)wait };
        if (wait)
            ppoll(&pfd, 1, &ts, NULL);
        timeout = 0;
    }
    int n = epoll_wait(R.ep, ev, 512, timeout);
    if (n < 0 && errno != EINTR)
        die("epoll_wait: %s", strerror(errno));
    R.clock = now_ns();
    for (int i = 0; i < n; i++) {
        struct conn *c = ev[i].data.ptr;
        if (c->state == CLOSED)
            continue;
        if (ev[i].events & EPOLLOUT)
            flush(c);
        if (c->state != CLOSED && ev[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
            on_readable(c);
    }
    keep_alive();
    if (!R.publishing)
        return;
    if (outstanding() >= R.limit && R.clock - R.last_progress > NS) {
        R.forgiven += outstanding();            /* they are not coming */
        R.n.stalls++;
        R.last_progress = R.clock;
    }
    if (opt.rate)
        schedule(now_ns());
    if (R.ready)
        pump(now_ns());
}

/* ============================================================== === Phases
 * Steps of a scenario; each is measured on its own.                           */

struct phase {
    const char *name;
    double   seconds;
    uint64_t in, out, ops;       /* messages to, from the broker; other steps  */
    struct usage before, after;
    double   own;                /* CPU seconds of this program                */
};

static struct phase phases[8];
static unsigned nphases;

static struct phase *phase_begin(const char *name)
{
    struct phase *ph = &phases[nphases++];
    ph->name = name;
    ph->in = R.n.sent;
    ph->out = R.n.received;
    ph->before = broker_usage();
    ph->own = own_cpu();
    R.clock = R.last_progress = R.last_counted = now_ns();
    return ph;
}

static void phase_end(struct phase *ph, uint64_t start, uint64_t end)
{
    ph->own = own_cpu() - ph->own;
    ph->after = broker_usage();
    ph->in = R.n.sent - ph->in;
    ph->out = R.n.received - ph->out;
    ph->seconds = end > start ? (double)(end - start) / 1e9 : 1e-9;
}

/* Differences; nothing if the broker, or one of its threads, ended meanwhile. */
static double phase_cpu(const struct phase *ph)
{
    return ph->after.cpu > ph->before.cpu ? ph->after.cpu - ph->before.cpu : 0;
}

static uint64_t phase_switches(const struct phase *ph)
{
    return ph->after.switches > ph->before.switches ? ph->after.switches - ph->before.switches : 0;
}

static void add_conns(struct conn **v, uint32_t n, enum role role)
{
    *v = xcalloc(n, sizeof **v);
    for (uint32_t i = 0; i < n; i++) {
        struct conn *c = *v + i;
        c->fd = -1;
        c->role = (uint8_t)role;
        c->index = i;
        c->clean = role == PUB_ROLE || !R.persistent;
        if (role == PUB_ROLE)
            make_topic(c);
        if (role == PUB_ROLE && opt.qos) {
            uint32_t slots = 1;
            while (slots < opt.window)
                slots *= 2;
            c->slots = xcalloc(slots, sizeof *c->slots);
            c->slot_mask = slots - 1;
        }
    }
}

static void allow_files(rlim_t want)
{
    struct rlimit r;
    if (getrlimit(RLIMIT_NOFILE, &r) < 0 || want <= r.rlim_cur)
        return;
    r.rlim_cur = want;
    if (want > r.rlim_max)
        r.rlim_max = want;
    if (setrlimit(RLIMIT_NOFILE, &r) < 0)
        die("cannot have %llu files open (see ulimit -n)", (unsigned long long)want);
}

/* Fix the number of publishers and subscribers and what depends on them. */
static void make_topology(enum topology topo, uint32_t npubs, uint32_t nsubs, uint32_t nstreams)
{
    allow_files((rlim_t)npubs + nsubs + 32);
    R.topo = topo;
    R.npubs = npubs;
    R.nsubs = nsubs;
    R.nstreams = nstreams;
    R.streams = xcalloc(nstreams, sizeof *R.streams);
    add_conns(&R.subs, nsubs, SUB_ROLE);
    add_conns(&R.pubs, npubs, PUB_ROLE);
    R.limit = opt.inflight_limit;
    if (!R.limit)
        R.limit = nsubs < 20000 / RECEIVER_LIMIT ? (uint64_t)nsubs * RECEIVER_LIMIT : 20000;
}

/* Wait for R.setup_ready == n; nothing may take 20 s without any progress. */
static void await_setup(struct conn *v, uint32_t n, bool open)
{
    uint32_t next = open ? 0 : n;
    R.last_progress = now_ns();
    while (R.setup_ready < n) {
        while (next < n && R.setup_open < opt.parallel)
            conn_open(&v[next++]);
        turn(now_ns() + NS / 10);
        if (R.clock > R.last_progress && R.clock - R.last_progress > 20 * NS)
            die("no answer from the broker: %u of %u connections set up", R.setup_ready, n);
    }
}

/* Connect v[0..n), subscribing too if asked to. */
static void connect_all(struct conn *v, uint32_t n, bool subscribe)
{
    R.setup_ready = R.setup_open = 0;
    R.subscribe = subscribe;
    await_setup(v, n, true);
}

/* Subscribe connections that are already up. */
static void subscribe_all(struct conn *v, uint32_t n)
{
    R.setup_ready = R.setup_open = 0;
    for (uint32_t i = 0; i < n; i++) {
        R.setup_open++;
        if (!filter_count(&v[i])) {
            conn_ready(&v[i]);
            continue;
        }
        v[i].state = SUBSCRIBING;
        v[i].filters_sent = 0;
        put_subscribe(&v[i]);
        flush(&v[i]);
    }
    await_setup(v, n, false);
}

/* Send DISCONNECT and wait for the broker to close, so that it has surely
 * handled everything before. */
static void disconnect_all(struct conn *v, uint32_t n)
{
    R.setup_open = 0;
    for (uint32_t i = 0; i < n; i++) {
        struct conn *c = &v[i];
        if (c->state == CLOSED)
            continue;
        put_packet(c, DISCONNECT << 4, NULL, 0);
        c->state = CLOSING;
        R.setup_open++;
        flush(c);
    }
    uint64_t until = now_ns() + 5 * NS;
    while (R.setup_open && now_ns() < until)
        turn(until);
    for (uint32_t i = 0; i < n; i++)
        conn_close(&v[i]);
}

/* After PINGRESP everything published before on that connection is handled. */
static void ping_all(struct conn *v, uint32_t n)
{
    uint64_t until = now_ns() + 30 * NS;
    for (uint32_t i = 0; i < n; i++)
        if (v[i].state == READY) {
            v[i].pinged = false;
            put_packet(&v[i], PINGREQ << 4, NULL, 0);
            flush(&v[i]);
        }
    for (uint32_t i = 0; i < n; i++)
        while (v[i].state == READY && !v[i].pinged && now_ns() < until)
            turn(until);
}

/* Publish `messages` (0: no bound) for at most `seconds`. */
static void publish(uint64_t messages, double seconds)
{
    if (opt.rate) {
        uint64_t most = (uint64_t)(seconds * opt.rate);
        if (!messages || messages > most)
            messages = most;
        R.interval = 1e9 / opt.rate;
        R.due_total = 0;
        R.due_limit = messages;
    }
    R.pubs_left = 0;
    for (uint32_t i = 0; i < R.npubs; i++) {
        struct conn *c = &R.pubs[i];
        uint64_t quota = messages ? (messages + R.npubs - 1 - i) / R.npubs : UINT32_MAX;
        c->quota = quota < UINT32_MAX ? (uint32_t)quota : UINT32_MAX;
        c->seq = 0;
        c->due = 0;
        if (c->state == READY && c->quota)
            R.pubs_left++;
    }
    R.ready = NULL;
    R.ready_end = &R.ready;
    R.publishing = true;
    R.t0 = R.last_progress = R.last_counted = now_ns();
    R.warm_end = R.t0 + (uint64_t)(opt.warmup * 1e9);
    for (uint32_t i = 0; i < R.npubs; i++)
        pub_wake(&R.pubs[i]);
    /* An open loop that is behind schedule gets half a second to catch up. */
    uint64_t stop = R.t0 + (uint64_t)((seconds + (opt.rate ? 0.5 : 0)) * 1e9);
    while (R.pubs_left && now_ns() < stop)
        turn(stop);
    R.publishing = false;
    R.forgiven = 0;
    for (uint32_t i = 0; i < R.npubs; i++)
        R.pubs[i].queued = false;
}

/* Wait until everything has come, or nothing more comes (at most 60 s). */
static void drain(void)
{
    uint64_t start = now_ns(), idle = (uint64_t)(opt.drain * 1e9);
    R.last_progress = start;
    while ((outstanding() || R.inflight) && now_ns() - start < 60 * NS) {
        turn(now_ns() + NS / 20);
        if (R.clock > R.last_progress && R.clock - R.last_progress > idle)
            break;
    }
}

/* Delete the sessions this run left in the broker. */
static void forget_sessions(void)
{
    for (uint32_t i = 0; i < R.nsubs; i++)
        R.subs[i].clean = true;
    R.expect_session = false;
    connect_all(R.subs, R.nsubs, false);
    disconnect_all(R.subs, R.nsubs);
}

/* =========================================================== === Scenarios */

/* What a scenario's result is in one number. */
static struct { const char *name; double value; } headline;

/* Where the figures about the whole run start. */
static struct usage usage_start, usage_idle;

/* The common run: subscribers, publishers, publish, drain. */
static void run_flow(const char *name)
{
    connect_all(R.subs, R.nsubs, true);
    connect_all(R.pubs, R.npubs, false);
    R.record = true;
    struct phase *ph = phase_begin(name);
    publish(opt.messages, opt.seconds);
    drain();
    phase_end(ph, R.t0, R.last_counted);
    headline.name = "received msgs/s";
    headline.value = (double)ph->out / ph->seconds;
}

static void finish_flow(void)
{
    disconnect_all(R.pubs, R.npubs);
    disconnect_all(R.subs, R.nsubs);
}

static void run_pairs(void)
{
    make_topology(T_PAIRS, opt.clients, opt.clients, opt.clients);
    R.ordered = true;
    run_flow("publish");
    finish_flow();
}

static void run_latency(void)
{
    run_pairs();
    headline.name = "p99 latency us";
    headline.value = hist_us(&R.latency, 99);
}

static void run_fanin(void)
{
    uint32_t subs = opt.share ? opt.share : opt.subs;
    make_topology(T_FANIN, opt.clients, subs, opt.share ? opt.clients : opt.clients * subs);
    R.ordered = !opt.share;
    run_flow("publish");
    finish_flow();
}

static void run_fanout(void)
{
    make_topology(T_FANOUT, opt.pubs, opt.clients, opt.pubs * opt.clients);
    R.ordered = true;
    run_flow("publish");
    finish_flow();
}

static void run_mix(void)
{
    make_topology(T_MIX, opt.clients, opt.subs, opt.clients * opt.subs);
    R.ordered = true;
    run_flow("publish");
    finish_flow();
}

static void run_wild(void)
{
    W.clients_per_kind = (opt.clients + KINDS - 1) / KINDS;
    W.per_kind = (opt.subscriptions + KINDS - 1) / KINDS;
    W.base = (uint32_t)ceil(cbrt((double)W.per_kind));
    W.space = (uint64_t)W.base * W.base * W.base * W.base;
    if (opt.topics > W.space)
        opt.topics = 0;
    make_topology(T_WILD, opt.pubs, W.clients_per_kind * KINDS, opt.pubs * KINDS);
    connect_all(R.subs, R.nsubs, false);
    connect_all(R.pubs, R.npubs, false);
    struct phase *ph = phase_begin("subscribe");
    uint64_t start = now_ns();
    subscribe_all(R.subs, R.nsubs);
    ph->ops = R.n.filters;
    phase_end(ph, start, now_ns());

    R.record = true;
    ph = phase_begin("publish");
    publish(opt.messages, opt.seconds);
    drain();
    phase_end(ph, R.t0, R.last_counted);
    headline.name = "published msgs/s";
    headline.value = (double)ph->in / ph->seconds;
    finish_flow();
}

/* With --pause: the publishers leave, and whoever started us may do something to the broker while
 * the sessions are away. A line on standard input ends the pause; it is the process id of the
 * broker that goes on, or 0 for the same one. */
static void pause_between(void)
{
    char line[32];
    if (!opt.pause)
        return;
    disconnect_all(R.pubs, R.npubs);
    fputs("mqttload: pause\n", stderr);
    fflush(stderr);
    if (!fgets(line, sizeof line, stdin))
        die("--pause: no line on standard input");
    int pid = atoi(line);
    if (opt.broker_pid && pid > 0)
        opt.broker_pid = pid;
}

static void run_durable(void)
{
    R.persistent = true;
    R.ordered = true;
    make_topology(T_PAIRS, opt.clients, opt.clients, opt.clients);
    if (opt.detached) {
        connect_all(R.subs, R.nsubs, true);
        disconnect_all(R.subs, R.nsubs);
        connect_all(R.pubs, R.npubs, false);
        R.limit = UINT64_MAX;
        struct phase *ph = phase_begin("publish");
        publish(opt.messages, opt.seconds);
        while (R.inflight && now_ns() - R.last_progress < (uint64_t)(opt.drain * 1e9))
            turn(now_ns() + NS / 20);
        phase_end(ph, R.t0, R.last_counted);
        pause_between();
        R.expect_session = true;
        ph = phase_begin("deliver");
        uint64_t start = now_ns();
        connect_all(R.subs, R.nsubs, false);
        drain();
        phase_end(ph, start, R.last_counted);
    } else {
        run_flow("publish");
    }
    headline.name = "acked msgs/s";
    headline.value = (double)R.n.acked / phases[0].seconds;
    finish_flow();
    forget_sessions();
}

static void run_offline(void)
{
    R.persistent = true;
    R.ordered = true;
    make_topology(T_OFFLINE, opt.pubs, opt.clients, opt.pubs * opt.clients);
    connect_all(R.subs, R.nsubs, true);
    disconnect_all(R.subs, R.nsubs);
    connect_all(R.pubs, R.npubs, false);
    R.limit = UINT64_MAX;                       /* nobody receives yet */

    struct phase *ph = phase_begin("accept");
    publish(opt.messages, opt.seconds);
    while (R.inflight && now_ns() - R.last_progress < (uint64_t)(opt.drain * 1e9))
        turn(now_ns() + NS / 20);
    phase_end(ph, R.t0, R.last_counted);
    pause_between();

    R.expect_session = true;
    ph = phase_begin("deliver");
    uint64_t start = now_ns();
    connect_all(R.subs, R.nsubs, false);
    drain();
    phase_end(ph, start, R.last_counted);
    headline.name = "delivered msgs/s";
    headline.value = (double)ph->out / ph->seconds;
    finish_flow();
    forget_sessions();
}

static void run_retain(void)
{
    make_topology(T_RETAIN, opt.pubs, opt.subs, opt.pubs * opt.subs);
    R.retain = true;
    R.limit = UINT64_MAX;
    connect_all(R.pubs, R.npubs, false);
    struct phase *ph = phase_begin("store");
    publish(opt.topics, opt.seconds);
    drain();
    ping_all(R.pubs, R.npubs);
    phase_end(ph, R.t0, now_ns());

    connect_all(R.subs, R.nsubs, false);
    R.n.expected = R.n.sent * R.nsubs;
    ph = phase_begin("replay");
    uint64_t start = now_ns();
    subscribe_all(R.subs, R.nsubs);
    drain();
    phase_end(ph, start, R.last_counted);
    headline.name = "replayed msgs/s";
    headline.value = (double)ph->out / ph->seconds;
    if (R.n.retain_flag < R.n.received)
        fprintf(stderr, "mqttload: %llu retained messages came without the RETAIN flag\n",
                (unsigned long long)(R.n.received - R.n.retain_flag));
    disconnect_all(R.subs, R.nsubs);

    /* Clear the topics again: an empty retained message deletes one. */
    for (uint32_t i = 0; i < R.npubs; i++) {
        struct conn *c = &R.pubs[i];
        for (uint32_t k = 0; k < c->seq && c->state == READY; k++) {
            uint8_t body[TOPIC_MAX + 3];
            char topic[TOPIC_MAX];
            memcpy(topic, c->topic, c->topic_len);
            uint32_t n = c->topic_len + put_decimal(topic + c->topic_len, k * R.npubs + i);
            uint8_t *p = put_string(body, topic, n);
            if (opt.mqtt == 5)
                *p++ = 0;
            put_packet(c, PUBLISH << 4 | 1, body, (size_t)(p - body));
            if (buf_used(&c->out) > 32768)
                flush(c);
            while (c->state == READY && c->polling_out)
                turn(now_ns() + NS / 10);
        }
        if (c->state == READY)
            flush(c);
    }
    ping_all(R.pubs, R.npubs);
    disconnect_all(R.pubs, R.npubs);
}

static void run_connect(void)
{
    make_topology(T_NONE, 0, opt.clients, 0);
    struct phase *ph = phase_begin("connect");
    uint64_t start = now_ns();
    connect_all(R.subs, R.nsubs, true);
    ph->ops = R.nsubs;
    phase_end(ph, start, now_ns());
    headline.name = "connects/s";
    headline.value = R.nsubs / ph->seconds;

    ph = phase_begin("idle");
    start = now_ns();
    uint64_t until = start + (uint64_t)(opt.hold * 1e9);
    while (now_ns() < until)
        turn(until);
    phase_end(ph, start, now_ns());
    usage_idle = ph->after;

    ph = phase_begin("disconnect");
    start = now_ns();
    disconnect_all(R.subs, R.nsubs);
    ph->ops = R.nsubs;
    phase_end(ph, start, now_ns());
}

/* ============================================================== === Report */

struct totals {
    double   seconds, in_per_s, out_per_s, lost_percent;
    double   cpu, user, sys, cpu_us_per_msg, own;
    uint64_t lost, unacked, switches, problems;
    bool     ok;
};

static double per(double a, double b) { return b > 0 ? a / b : 0; }

static struct totals sum_up(void)
{
    struct totals t = {0};
    const struct counters *n = &R.n;
    uint64_t in = 0, out = 0, ops = 0;
    double in_s = 0, out_s = 0;
    for (unsigned i = 0; i < nphases; i++) {
        const struct phase *ph = &phases[i];
        t.seconds += ph->seconds;
        t.own += ph->own;
        t.cpu += phase_cpu(ph);
        t.switches += phase_switches(ph);
        if (phase_cpu(ph) > 0) {
            t.user += ph->after.user - ph->before.user;
            t.sys += ph->after.sys - ph->before.sys;
        }
        in += ph->in;
        out += ph->out;
        ops += ph->ops;
        in_s += ph->in ? ph->seconds : 0;
        out_s += ph->out ? ph->seconds : 0;
    }
    t.in_per_s = per((double)in, in_s);
    t.out_per_s = per((double)out, out_s);
    /* Without any message the unit is a step: a connect, a disconnect. */
    t.cpu_us_per_msg = per(t.cpu * 1e6, (double)(in + out ? in + out : ops));
    t.lost = n->expected > n->received ? n->expected - n->received : 0;
    t.lost_percent = per(100.0 * (double)t.lost, (double)n->expected);
    t.unacked = opt.qos ? n->sent - n->acked - n->refused : 0;

    int effective = opt.qos < opt.sub_qos ? opt.qos : opt.sub_qos;
    t.problems = n->refused + t.unacked + n->reordered + n->unexpected + n->corrupt +
                 n->pid_reuse + n->bad_ack + n->over_recv_max + n->topic_alias +
                 n->disconnects + n->no_session + (effective != 1 ? n->duplicates : 0);
    t.ok = !t.problems && (effective ? !t.lost : t.lost_percent <= opt.allow_loss);
    return t;
}

/* The kernel's VmHWM may lag a little behind VmRSS; never report less. */
static long rss_peak(const struct usage *end)
{
    long peak = end->peak_kb;
    for (unsigned i = 0; i < nphases; i++)
        if (phases[i].after.rss_kb > peak)
            peak = phases[i].after.rss_kb;
    return peak;
}

static long rss_after(void)
{
    return usage_idle.rss_kb ? usage_idle.rss_kb : nphases ? phases[nphases - 1].after.rss_kb : 0;
}

typedef unsigned long long ull;

static void print_percentiles(const char *name, const struct hist *h)
{
    if (h->count)
        printf("  %-15s p50 %.1f  p90 %.1f  p99 %.1f  p99.9 %.1f  max %.1f us  (%llu)\n", name,
               hist_us(h, 50), hist_us(h, 90), hist_us(h, 99), hist_us(h, 99.9),
               (double)h->max / 1000, (ull)h->count);
}

static void print_problem(const char *name, uint64_t n)
{
    if (n)
        printf("  ! %-38s %llu\n", name, (ull)n);
}

static void report_table(const struct usage *end)
{
    struct totals t = sum_up();
    const struct counters *n = &R.n;
    printf("mqttload %s: MQTT %s, QoS %d", opt.scenario,
           opt.mqtt == 5 ? "5.0" : opt.mqtt == 4 ? "3.1.1" : "3.1", opt.qos);
    if (opt.sub_qos != opt.qos)
        printf(" -> %d", opt.sub_qos);
    printf(", %u publishers, %u subscribers, %u B payload", R.npubs, R.nsubs, opt.size);
    if (opt.rate)
        printf(", %.0f msgs/s open loop", opt.rate);
    else if (opt.qos && R.npubs)
        printf(", window %u", opt.window);
    printf("\n\n  %-10s %8s %10s %10s %10s %10s", "phase", "seconds", "in", "out", "in/s", "out/s");
    if (opt.broker_pid)
        printf(" %9s %8s %9s", "broker s", "us/msg", "switches");
    printf(" %9s\n", "load CPU");
    for (unsigned i = 0; i < nphases; i++) {
        const struct phase *ph = &phases[i];
        uint64_t msgs = ph->in + ph->out ? ph->in + ph->out : ph->ops;
        printf("  %-10s %8.3f %10llu %10llu %10.0f %10.0f", ph->name, ph->seconds,
               (ull)(ph->in ? ph->in : ph->ops), (ull)ph->out,
               (double)(ph->in ? ph->in : ph->ops) / ph->seconds, (double)ph->out / ph->seconds);
        if (opt.broker_pid)
            printf(" %9.3f %8.3f %9llu", phase_cpu(ph), per(phase_cpu(ph) * 1e6, (double)msgs),
                   (ull)phase_switches(ph));
        printf(" %8.0f%%\n", 100 * ph->own / ph->seconds);
    }
    printf("\n");
    if (n->sent || n->expected)
        printf("  sent %llu  acked %llu  expected %llu  received %llu  lost %llu (%.3f %%)  duplicated %llu\n",
               (ull)n->sent, (ull)n->acked, (ull)n->expected, (ull)n->received, (ull)t.lost,
               t.lost_percent, (ull)n->duplicates);
    print_percentiles("latency", &R.latency);
    print_percentiles("ack latency", &R.ack);
    if (!strcmp(opt.scenario, "connect"))
        print_percentiles("connect", &R.connect);
    print_percentiles("own send delay", &R.lag);
    if (opt.broker_pid) {
        printf("  broker          CPU %.3f s (user %.2f, sys %.2f), %.3f us per message, %u threads\n",
               t.cpu, t.user, t.sys, t.cpu_us_per_msg, end->threads);
        printf("  memory          RSS before %ld, after %ld, peak %ld KiB", usage_start.rss_kb,
               rss_after(), rss_peak(end));
        if (!strcmp(opt.scenario, "connect"))
            printf(", %.0f bytes per connection",
                   per((double)(rss_after() - usage_start.rss_kb) * 1024, R.nsubs));
        printf("\n");
    }
    print_problem("publishes refused", n->refused);
    print_problem("publishes not acknowledged", t.unacked);
    print_problem("out of order", n->reordered);
    print_problem("delivered to the wrong client, or not ours", n->unexpected);
    print_problem("payload damaged", n->corrupt);
    print_problem("packet id reused while in use", n->pid_reuse);
    print_problem("acks for ids not in flight", n->bad_ack);
    print_problem("our Receive Maximum exceeded", n->over_recv_max);
    print_problem("topic alias though not allowed", n->topic_alias);
    print_problem("connections closed by the broker", n->disconnects);
    print_problem("sessions not kept", n->no_session);
    print_problem("waits given up (messages missing)", n->stalls);
    print_problem("deliveries with DUP", n->dup_flag);
    print_problem("QoS 2 publishes repeated", n->q2_again);
    printf("  %s: %.1f %s\n", t.ok ? "OK" : "FAILED", headline.value, headline.name);
}

static void json_percentiles(const char *name, const struct hist *h)
{
    if (h->count)
        printf("\"%s\":{\"p50\":%.1f,\"p90\":%.1f,\"p99\":%.1f,\"p999\":%.1f,\"max\":%.1f,"
               "\"mean\":%.1f,\"count\":%llu},", name, hist_us(h, 50), hist_us(h, 90),
               hist_us(h, 99), hist_us(h, 99.9), (double)h->max / 1000,
               (double)h->sum / (double)h->count / 1000, (ull)h->count);
    else
        printf("\"%s\":null,", name);
}

static void report_json(const struct usage *end)
{
    struct totals t = sum_up();
    const struct counters *n = &R.n;
    printf("{\"scenario\":\"%s\",\"ok\":%s,\"headline\":{\"name\":\"%s\",\"value\":%.1f},",
           opt.scenario, t.ok ? "true" : "false", headline.name, headline.value);
    printf("\"mqtt\":%d,\"qos\":%d,\"sub_qos\":%d,\"pubs\":%u,\"subs\":%u,\"size\":%u,\"window\":%u,"
           "\"rate\":%g,", opt.mqtt, opt.qos, opt.sub_qos, R.npubs, R.nsubs, opt.size,
           opt.window, opt.rate);
    printf("\"seconds\":%.6f,\"sent\":%llu,\"acked\":%llu,\"expected\":%llu,\"received\":%llu,"
           "\"lost\":%llu,\"lost_percent\":%.4f,\"duplicated\":%llu,\"in_per_s\":%.1f,"
           "\"out_per_s\":%.1f,", t.seconds, (ull)n->sent, (ull)n->acked, (ull)n->expected,
           (ull)n->received, (ull)t.lost, t.lost_percent, (ull)n->duplicates, t.in_per_s,
           t.out_per_s);
    json_percentiles("latency_us", &R.latency);
    json_percentiles("ack_latency_us", &R.ack);
    json_percentiles("connect_us", &R.connect);
    json_percentiles("send_delay_us", &R.lag);
    if (opt.broker_pid) {
        printf("\"broker\":{\"cpu_s\":%.6f,\"user_s\":%.2f,\"sys_s\":%.2f,\"cpu_us_per_msg\":%.4f,"
               "\"rss_before_kb\":%ld,\"rss_after_kb\":%ld,\"rss_peak_kb\":%ld,"
               "\"switches\":%llu,\"threads\":%u", t.cpu, t.user, t.sys, t.cpu_us_per_msg,
               usage_start.rss_kb, rss_after(), rss_peak(end), (ull)t.switches, end->threads);
        if (!strcmp(opt.scenario, "connect"))
            printf(",\"bytes_per_connection\":%.0f",
                   per((double)(rss_after() - usage_start.rss_kb) * 1024, R.nsubs));
        printf("},");
    }
    printf("\"load_cpu_s\":%.4f,\"load_cpu_percent\":%.1f,", t.own, per(100 * t.own, t.seconds));
    printf("\"problems\":{\"refused\":%llu,\"unacked\":%llu,\"reordered\":%llu,\"unexpected\":%llu,"
           "\"corrupt\":%llu,\"packet_id_reuse\":%llu,\"bad_ack\":%llu,\"over_receive_maximum\":%llu,"
           "\"topic_alias\":%llu,\"disconnects\":%llu,\"sessions_lost\":%llu,\"stalls\":%llu,"
           "\"dup_flag\":%llu,\"qos2_repeats\":%llu},", (ull)n->refused, (ull)t.unacked, (ull)n->reordered,
           (ull)n->unexpected, (ull)n->corrupt, (ull)n->pid_reuse, (ull)n->bad_ack,
           (ull)n->over_recv_max, (ull)n->topic_alias, (ull)n->disconnects, (ull)n->no_session,
           (ull)n->stalls, (ull)n->dup_flag, (ull)n->q2_again);
    printf("\"phases\":[");
    for (unsigned i = 0; i < nphases; i++) {
        const struct phase *ph = &phases[i];
        uint64_t msgs = ph->in + ph->out ? ph->in + ph->out : ph->ops;
        printf("%s{\"name\":\"%s\",\"seconds\":%.6f,\"in\":%llu,\"out\":%llu,\"ops\":%llu,"
               "\"in_per_s\":%.1f,\"out_per_s\":%.1f,\"ops_per_s\":%.1f,\"cpu_s\":%.6f,"
               "\"cpu_us_per_msg\":%.4f,\"rss_kb\":%ld,\"switches\":%llu,\"load_cpu_s\":%.4f}",
               i ? "," : "", ph->name, ph->seconds, (ull)ph->in, (ull)ph->out, (ull)ph->ops,
               (double)ph->in / ph->seconds, (double)ph->out / ph->seconds,
               (double)ph->ops / ph->seconds, phase_cpu(ph),
               per(phase_cpu(ph) * 1e6, (double)msgs), ph->after.rss_kb,
               (ull)phase_switches(ph), ph->own);
    }
    printf("]}\n");
}

/* ======================================================== === Command line */

struct scenario {
    const char *name;
    void (*run)(void);
    int      qos;
    unsigned clients, pubs, subs;
    const char *about;
};

static const struct scenario scenarios[] = {
    { "pairs",   run_pairs,   0,   50, 0, 0, "N publishers, each to its own subscriber" },
    { "fanin",   run_fanin,   0,   50, 0, 1, "N publishers to one subscriber, or a shared group of K" },
    { "fanout",  run_fanout,  0,  100, 1, 0, "1 publisher (--pubs) to N subscribers" },
    { "connect", run_connect, 0, 1000, 0, 0, "N connections: rate, memory per idle connection" },
    { "retain",  run_retain,  0,    0, 4, 1, "store --topics retained messages, then replay to a wildcard" },
    { "offline", run_offline, 1,   20, 4, 0, "messages to N sessions that are away, then deliver" },
    { "mix",     run_mix,     1, 1000, 0, 4, "N devices at a slow fixed rate, few wildcard consumers" },
    { "latency", run_latency, 0,   10, 0, 0, "N pairs at a fixed rate: publish to receive latency" },
    { "wild",    run_wild,    0,   40, 4, 0, "--subscriptions filters with + and # over N clients" },
    { "durable", run_durable, 1,   20, 0, 0, "N publishers to N persistent sessions: ack latency" },
};
enum { NSCENARIOS = sizeof scenarios / sizeof *scenarios };

static void print_help(FILE *f)
{
    fprintf(f, "usage: mqttload SCENARIO --port P [options]\n\nscenarios:\n");
    for (unsigned i = 0; i < NSCENARIOS; i++)
        fprintf(f, "  %-9s %s\n", scenarios[i].name, scenarios[i].about);
    fputs(
"\nconnection\n"
"  --host H             loopback address (default 127.0.0.1); others are refused\n"
"  --port P             broker port\n"
"  --mqtt 3|4|5         protocol: 3.1, 3.1.1 (default) or 5.0\n"
"  --username U, --password P\n"
"  --keepalive S        seconds (default 600)\n"
"  --prefix TOPIC       first topic level (default mqttload)\n"
"load\n"
"  --clients N          publishers, pairs, sessions ... of the scenario\n"
"  --pubs N, --subs N   the other side, where the scenario has one\n"
"  --messages M         publish M messages in all (default: for --seconds)\n"
"  --seconds S          publish at most S seconds (default 10, with --messages\n"
"                       60; at most 300)\n"
"  --size B             payload bytes, at least 16 (default 64)\n"
"  --qos 0|1|2          QoS of publishes and subscriptions\n"
"  --sub-qos 0|1|2      QoS of subscriptions, if different\n"
"  --window W           unacknowledged publishes per publisher (default 20)\n"
"  --rate R             open loop: R msgs/s in all, latency from intended send time\n"
"  --burst B            messages per publisher and write (default 32)\n"
"  --inflight-limit L   deliveries not yet received, in all (default 20000, but\n"
"                       at most 800 for each subscriber)\n"
"  --share K            fanin: a shared subscription of K members\n"
"  --topics T           retain: topics (default 10000); pairs, latency, durable:\n"
"                       topics per pair; wild: different topics published to\n"
"  --subscriptions S    wild: filters in all (default 10000)\n"
"  --parallel N         connections being set up at a time (default 64)\n"
"  --hold S             connect: seconds idle (default 1)\n"
"  --with-sub           connect: each client also subscribes to a topic\n"
"  --detached           durable: the sessions are away while messages come\n"
"  --pause              offline, durable --detached: before the sessions come back, say so\n"
"                       on standard error and wait for a line, the broker's process id\n"
"  --recv-max N         MQTT 5: Receive Maximum of our clients (checked)\n"
"  --user-props N       MQTT 5: user properties on each publish\n"
"measuring\n"
"  --broker-pid PID     report CPU, memory and context switches of PID\n"
"  --spin               never sleep while publishing (needs a core of its own)\n"
"  --warmup S           leave the first S seconds out of the latencies\n"
"  --drain S            stop waiting after S seconds without messages (default 3)\n"
"  --allow-loss P       percent of QoS 0 messages that may be lost (default 0)\n"
"  --verify             compare whole payloads\n"
"  --json               one line of JSON\n"
"\nexit status: 0 all well, 1 messages lost or the broker broke the protocol,\n"
"2 the run could not be made\n", f);
}

static double number(const char *name, const char *text, double least, double most)
{
    char *end;
    errno = 0;
    double v = strtod(text, &end);
    if (errno || end == text || *end || !(v >= least && v <= most))
        die("--%s %s: expected a number from %.0f to %.0f", name, text, least, most);
    return v;
}

static void parse_options(int argc, char **argv)
{
    /* Option names; the values tell them apart below. */
    enum { HOST = 256, PORT, MQTT, USERNAME, PASSWORD, KEEPALIVE, PREFIX, CLIENTS, PUBS, SUBS,
           MESSAGES, SECONDS, SIZE, SPIN, QOS, SUB_QOS, WINDOW, RATE, BURST, LIMIT, SHARE, TOPICS,
           SUBSCRIPTIONS, PARALLEL, HOLD, WITH_SUB, DETACHED, PAUSE, RECV_MAX, USER_PROPS, BROKER_PID,
           WARMUP, DRAIN, ALLOW_LOSS, VERIFY, JSON, HELP };
    static const struct option names[] = {
        {"host", 1, 0, HOST}, {"port", 1, 0, PORT}, {"mqtt", 1, 0, MQTT},
        {"username", 1, 0, USERNAME}, {"password", 1, 0, PASSWORD},
        {"keepalive", 1, 0, KEEPALIVE}, {"prefix", 1, 0, PREFIX}, {"clients", 1, 0, CLIENTS},
        {"pubs", 1, 0, PUBS}, {"subs", 1, 0, SUBS}, {"messages", 1, 0, MESSAGES},
        {"seconds", 1, 0, SECONDS}, {"size", 1, 0, SIZE}, {"qos", 1, 0, QOS},
        {"sub-qos", 1, 0, SUB_QOS}, {"window", 1, 0, WINDOW}, {"rate", 1, 0, RATE},
        {"burst", 1, 0, BURST}, {"inflight-limit", 1, 0, LIMIT}, {"share", 1, 0, SHARE},
        {"topics", 1, 0, TOPICS}, {"subscriptions", 1, 0, SUBSCRIPTIONS},
        {"parallel", 1, 0, PARALLEL}, {"hold", 1, 0, HOLD}, {"with-sub", 0, 0, WITH_SUB},
        {"detached", 0, 0, DETACHED}, {"pause", 0, 0, PAUSE}, {"recv-max", 1, 0, RECV_MAX},
        {"user-props", 1, 0, USER_PROPS}, {"broker-pid", 1, 0, BROKER_PID},
        {"spin", 0, 0, SPIN}, {"warmup", 1, 0, WARMUP}, {"drain", 1, 0, DRAIN}, {"allow-loss", 1, 0, ALLOW_LOSS},
        {"verify", 0, 0, VERIFY}, {"json", 0, 0, JSON}, {"help", 0, 0, HELP}, {0, 0, 0, 0},
    };
    int which, index = 0;
    while ((which = getopt_long(argc, argv, "h", names, &index)) != -1) {
        const char *name = which >= HOST ? names[index].name : "";
#define NUMBER(least, most) number(name, optarg, least, most)
#define COUNT(most) (unsigned)NUMBER(1, most)
        switch (which) {
        case HOST:       opt.host = optarg; break;
        case PORT:       opt.port = (int)NUMBER(1, 65535); break;
        case MQTT:       opt.mqtt = (int)NUMBER(3, 5); break;
        case USERNAME:   opt.username = optarg; break;
        case PASSWORD:   opt.password = optarg; break;
        case KEEPALIVE:  opt.keepalive = (unsigned)NUMBER(0, 65535); break;
        case PREFIX:     opt.prefix = optarg; break;
        case CLIENTS:    opt.clients = COUNT(500000); break;
        case PUBS:       opt.pubs = COUNT(100000); break;
        case SUBS:       opt.subs = COUNT(100000); break;
        case MESSAGES:   opt.messages = (uint64_t)NUMBER(1, 4e9); break;
        case SECONDS:    opt.seconds = NUMBER(0.01, MAX_SECONDS); break;
        case SIZE:       opt.size = (unsigned)NUMBER(STAMP_BYTES, MAX_SIZE); break;
        case QOS:        opt.qos = (int)NUMBER(0, 2); break;
        case SUB_QOS:    opt.sub_qos = (int)NUMBER(0, 2); break;
        case WINDOW:     opt.window = COUNT(32768); break;
        case RATE:       opt.rate = NUMBER(0.01, 1e8); break;
        case BURST:      opt.burst = COUNT(PUMP_MESSAGES); break;
        case LIMIT:      opt.inflight_limit = (uint64_t)NUMBER(1, 1e12); break;
        case SHARE:      opt.share = COUNT(10000); break;
        case TOPICS:     opt.topics = COUNT(10000000); break;
        case SUBSCRIPTIONS: opt.subscriptions = COUNT(10000000); break;
        case PARALLEL:   opt.parallel = COUNT(10000); break;
        case HOLD:       opt.hold = NUMBER(0, MAX_SECONDS); break;
        case WITH_SUB:   opt.with_sub = true; break;
        case DETACHED:   opt.detached = true; break;
        case PAUSE:      opt.pause = true; break;
        case RECV_MAX:   opt.recv_max = COUNT(65535); break;
        case USER_PROPS: opt.user_props = (unsigned)NUMBER(0, 64); break;
        case BROKER_PID: opt.broker_pid = (int)NUMBER(1, 1e9); break;
        case WARMUP:     opt.warmup = NUMBER(0, MAX_SECONDS); break;
        case DRAIN:      opt.drain = NUMBER(0.1, 60); break;
        case ALLOW_LOSS: opt.allow_loss = NUMBER(0, 100); break;
        case VERIFY:     opt.verify = true; break;
        case SPIN:       opt.spin = true; break;
        case JSON:       opt.json = true; break;
        case HELP: case 'h': print_help(stdout); exit(0);
        default:         fprintf(stderr, "try --help\n"); exit(2);
        }
    }
    if (optind + 1 != argc) {
        print_help(stderr);
        exit(2);
    }
    opt.scenario = argv[optind];
}

/* Fill in what the command line left open. */
static const struct scenario *complete_options(void)
{
    const struct scenario *s = scenarios;
    while (s < scenarios + NSCENARIOS && strcmp(s->name, opt.scenario))
        s++;
    if (s == scenarios + NSCENARIOS)
        die("no scenario %s (try --help)", opt.scenario);
    if (!opt.port)
        die("--port is missing");
    if (strlen(opt.prefix) > 60 || strpbrk(opt.prefix, "+#"))
        die("--prefix: at most 60 characters, no wildcards");
    if ((opt.username ? strlen(opt.username) : 0) + (opt.password ? strlen(opt.password) : 0) > 800)
        die("user name and password are too long");
    if (opt.mqtt != 5 && (opt.recv_max || opt.user_props))
        die("--recv-max and --user-props need --mqtt 5");
    if (opt.qos < 0)
        opt.qos = s->qos;
    if (opt.sub_qos < 0)
        opt.sub_qos = opt.qos;
    if (!opt.clients)
        opt.clients = s->clients;
    if (!opt.pubs)
        opt.pubs = s->pubs;
    if (!opt.subs)
        opt.subs = s->subs;
    if (!opt.window)
        opt.window = 20;
    if (!opt.subscriptions)
        opt.subscriptions = 10000;
    if (s->run == run_retain && !opt.topics)
        opt.topics = 10000;
    if (s->run == run_offline) {
        if (!opt.qos || !opt.sub_qos)
            die("offline needs QoS 1 or 2, brokers may drop QoS 0 messages");
        if (!opt.messages)
            opt.messages = 500ull * opt.clients;    /* brokers bound queues, often to 1000 */
    }
    if (s->run == run_mix && !opt.rate)
        opt.rate = 5.0 * opt.clients;
    if (s->run == run_latency && !opt.rate)
        opt.rate = 5000;
    if (s->run == run_wild && opt.clients < KINDS)
        opt.clients = KINDS;
    if (opt.seconds < 0)
        opt.seconds = opt.messages || s->run == run_retain ? 60 : 10;
    return s;
}

static void on_alarm(int sig)
{
    (void)sig;
    static const char text[] = "mqttload: the run took far too long, giving up\n";
    if (write(2, text, sizeof text - 1) < 0) { /* nothing to do about it */ }
    _exit(2);
}

int main(int argc, char **argv)
{
    parse_options(argc, argv);
    const struct scenario *s = complete_options();
    set_server();
    if (opt.broker_pid && kill(opt.broker_pid, 0) < 0 && errno == ESRCH)
        die("no process %d", opt.broker_pid);

    signal(SIGPIPE, SIG_IGN);
    signal(SIGALRM, on_alarm);
    alarm((unsigned)(opt.seconds + opt.hold) + 240);
    prctl(PR_SET_TIMERSLACK, 1);                /* sleep as exactly as possible */

    R.base = now_ns();
    rng_state ^= R.base ^ (uint64_t)getpid() << 32;
    unsigned run_id = (unsigned)(rng() >> 40) & 0xffff;
    R.tag = (uint8_t)(rng() >> 40);
    snprintf(R.root, sizeof R.root, "%s/%04x", opt.prefix, run_id);
    snprintf(R.idbase, sizeof R.idbase, "ml-%04x-", run_id);

    R.rcap = READ_BUFFER;
    if (R.rcap < 2 * (size_t)opt.size + 65536)
        R.rcap = 2 * (size_t)opt.size + 65536;
    R.rbuf = xcalloc(R.rcap, 1);
    R.filler = xcalloc(opt.size, 1);
    for (unsigned i = 0; i < opt.size; i++)
        R.filler[i] = (uint8_t)(' ' + i % 95);
    if (opt.mqtt == 5) {
        uint8_t *p = put_varint(R.props, opt.user_props * 13);
        for (unsigned i = 0; i < opt.user_props; i++) {
            *p++ = P_USER;
            p = put_string(p, "key", 3);
            p = put_string(p, "value", 5);
        }
        R.props_len = (uint32_t)(p - R.props);
    }
    R.ep = epoll_create1(EPOLL_CLOEXEC);
    if (R.ep < 0)
        die("epoll_create1: %s", strerror(errno));

    broker_reset_peak();
    usage_start = broker_usage();
    s->run();
    struct usage end = broker_usage();
    (opt.json ? report_json : report_table)(&end);
    return sum_up().ok ? 0 : 1;
}
