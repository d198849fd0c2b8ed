/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Roost authors
 *
 * The floor: a bare loop over an engine that commits what a store of Roost commits for QoS 1 messages to absent
 * sessions: the same rows, in batches of the same size, synced one after another. No broker, no promise, no order
 * kept beside, nothing ever removed.
 *
 *   floor file|sqlite|lmdb|redis --at PLACE --batch N [--seconds S] [--record B] [--sessions K]
 *   floor batch --at DIRECTORY        the number of the last batch in Roost's LMDB environment
 *
 * PLACE is a directory, for redis a port. Prints one line of JSON. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <hiredis/hiredis.h>
#include <lmdb.h>
#include <sqlite3.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

/* What a delivery has beside its message: session, number, state, record. */
enum { DELIVERY_RECORD = 11, QUEUE_HEAD = 13, RECORD_MAX = 1 << 16 };

static struct {
    const char *at;
    unsigned batch, record, sessions;
    double seconds;
} opt = {NULL, 1000, 260, 64, 2};

static unsigned char record[RECORD_MAX];
static uint64_t number; /* of the last message */

static void check(int is_well, const char *what, const char *why)
{
    if (is_well)
        return;
    fprintf(stderr, "floor: %s: %s\n", what, why);
    exit(2);
}

static double now(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static uint64_t written(void)
{
    char line[128];
    uint64_t bytes = 0;
    FILE *file = fopen("/proc/self/io", "r");
    while (file && fgets(line, sizeof line, file))
        if (!strncmp(line, "write_bytes: ", 13))
            bytes = strtoull(line + 13, NULL, 10);
    if (file)
        fclose(file);
    return bytes;
}

static const char *path(const char *name)
{
    static char text[4096];
    snprintf(text, sizeof text, "%s/%s", opt.at, name);
    return text;
}

static uint64_t big_endian(uint64_t value)
{
    return __builtin_bswap64(value);
}

/* ------------------------------------------------------------------------------------------------------- file */

static int descriptor;
static unsigned char *buffer;

static void file_open(void)
{
    /* Page by page: the system's cache then keeps, and counts, single pages. */
    enum { PAGE = 4096, PAGES = 16384 };
    static unsigned char zeros[PAGE];
    descriptor = open(path("floor.log"), O_RDWR | O_CREAT | O_TRUNC, 0600);
    check(descriptor >= 0, "floor.log", strerror(errno));
    for (int i = 0; i < PAGES; i++)
        check(write(descriptor, zeros, PAGE) == PAGE, "write", strerror(errno));
    check(fsync(descriptor) == 0, "fsync", strerror(errno));
    buffer = calloc(opt.batch, opt.record + DELIVERY_RECORD);
}

static void file_commit(void)
{
    static off_t offset;
    size_t bytes = (size_t)opt.batch * (opt.record + DELIVERY_RECORD);
    if (offset + (off_t)bytes > 64 << 20)
        offset = 0;
    for (size_t i = 0; i < opt.batch; i++)
        memcpy(buffer + i * (opt.record + DELIVERY_RECORD), record, opt.record);
    check(pwrite(descriptor, buffer, bytes, offset) == (ssize_t)bytes, "pwrite", strerror(errno));
    check(fdatasync(descriptor) == 0, "fdatasync", strerror(errno));
    offset += (off_t)bytes;
    number += opt.batch;
}

/* ----------------------------------------------------------------------------------------------------- sqlite */

static sqlite3 *database;
static sqlite3_stmt *begin, *commit, *message, *delivery, *info;

static sqlite3_stmt *prepared(const char *sql)
{
    sqlite3_stmt *statement;
    check(!sqlite3_prepare_v2(database, sql, -1, &statement, NULL), sql, sqlite3_errmsg(database));
    return statement;
}

static void run(sqlite3_stmt *statement)
{
    check(sqlite3_step(statement) == SQLITE_DONE, "step", sqlite3_errmsg(database));
    sqlite3_reset(statement);
}

static void sqlite_open(void)
{
    check(!sqlite3_open_v2(path("floor.db"), &database,
                           SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL),
          "floor.db", sqlite3_errmsg(database));
    /* As the store sets it; the log is written back at the same length. */
    check(!sqlite3_exec(database,
                        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA secure_delete=OFF;"
                        "PRAGMA cache_size=-32768; PRAGMA wal_autocheckpoint=8192;"
                        "CREATE TABLE info (id INTEGER PRIMARY KEY, record BLOB);"
                        "INSERT INTO info VALUES (1, zeroblob(90));"
                        "CREATE TABLE message (number INTEGER PRIMARY KEY, refs INTEGER, record BLOB);"
                        "CREATE TABLE recent (session INTEGER, number INTEGER, packet INTEGER, state INTEGER,"
                        " record BLOB, PRIMARY KEY (session, number)) WITHOUT ROWID;",
                        NULL, NULL, NULL),
          "schema", sqlite3_errmsg(database));
    begin = prepared("BEGIN IMMEDIATE");
    commit = prepared("COMMIT");
    message = prepared("INSERT INTO message VALUES (?, 0, ?)");
    delivery = prepared("INSERT INTO recent VALUES (?, ?, 0, 0, ?)");
    info = prepared("UPDATE info SET record = ? WHERE id = 1");
}

static void sqlite_commit(void)
{
    run(begin);
    for (unsigned i = 0; i < opt.batch; i++) {
        number++;
        sqlite3_bind_int64(message, 1, (sqlite3_int64)number);
        sqlite3_bind_blob(message, 2, record, (int)opt.record, SQLITE_STATIC);
        run(message);
        sqlite3_bind_int64(delivery, 1, (sqlite3_int64)(number % opt.sessions + 1));
        sqlite3_bind_int64(delivery, 2, (sqlite3_int64)number);
        sqlite3_bind_blob(delivery, 3, record, DELIVERY_RECORD, SQLITE_STATIC);
        run(delivery);
    }
    sqlite3_bind_blob(info, 1, record, 90, SQLITE_STATIC);
    run(info);
    run(commit);
}

/* ------------------------------------------------------------------------------------------------------- lmdb */

static MDB_env *environment;
static MDB_dbi deliveries, names;

static void lmdb_check(int status, const char *what)
{
    check(status == MDB_SUCCESS, what, mdb_strerror(status));
}

static void lmdb_open(void)
{
    MDB_txn *transaction;
    lmdb_check(mdb_env_create(&environment), "mdb_env_create");
    lmdb_check(mdb_env_set_maxdbs(environment, 4), "mdb_env_set_maxdbs");
    lmdb_check(mdb_env_set_mapsize(environment, 16ull << 30), "mdb_env_set_mapsize");
    lmdb_check(mdb_env_open(environment, opt.at, MDB_NOTLS, 0600), opt.at);
    lmdb_check(mdb_txn_begin(environment, NULL, 0, &transaction), "mdb_txn_begin");
    lmdb_check(mdb_dbi_open(transaction, NULL, 0, &names), "mdb_dbi_open");
    lmdb_check(mdb_dbi_open(transaction, "delivery", MDB_CREATE, &deliveries), "mdb_dbi_open");
    lmdb_check(mdb_txn_commit(transaction), "mdb_txn_commit");
}

static void lmdb_commit(void)
{
    MDB_txn *transaction;
    lmdb_check(mdb_txn_begin(environment, NULL, 0, &transaction), "mdb_txn_begin");
    for (unsigned i = 0; i < opt.batch; i++) {
        number++;
        uint64_t parts[2] = {big_endian(number % opt.sessions + 1), big_endian(number)};
        MDB_val key = {sizeof parts, parts}, value = {4 + DELIVERY_RECORD + opt.record, record};
        lmdb_check(mdb_put(transaction, deliveries, &key, &value, MDB_NOOVERWRITE), "mdb_put");
    }
    MDB_val key = {5, "info!"}, value = {90, record};
    lmdb_check(mdb_put(transaction, names, &key, &value, 0), "mdb_put");
    lmdb_check(mdb_txn_commit(transaction), "mdb_txn_commit");
}

static int print_batch(void)
{
    MDB_txn *transaction;
    MDB_val key = {5, "info!"}, value;
    uint64_t batch;
    lmdb_check(mdb_env_create(&environment), "mdb_env_create");
    lmdb_check(mdb_env_open(environment, opt.at, MDB_RDONLY | MDB_NOTLS, 0600), opt.at);
    lmdb_check(mdb_txn_begin(environment, NULL, MDB_RDONLY, &transaction), "mdb_txn_begin");
    lmdb_check(mdb_dbi_open(transaction, NULL, 0, &names), "mdb_dbi_open");
    lmdb_check(mdb_get(transaction, names, &key, &value), "info!");
    memcpy(&batch, (char *)value.mv_data + 6, sizeof batch);
    printf("%llu\n", (unsigned long long)batch);
    mdb_txn_abort(transaction);
    mdb_env_close(environment);
    return 0;
}

/* ------------------------------------------------------------------------------------------------------ redis */

static redisContext *connection;

static void redis_open(void)
{
    connection = redisConnect("127.0.0.1", atoi(opt.at));
    check(connection && !connection->err, "redis", connection ? connection->errstr : "no memory");
}

static void redis_commit(void)
{
    static char member[QUEUE_HEAD + DELIVERY_RECORD + RECORD_MAX];
    memcpy(member + QUEUE_HEAD + DELIVERY_RECORD, record, opt.record);
    redisAppendCommand(connection, "MULTI");
    for (unsigned i = 0; i < opt.batch; i++) {
        number++;
        uint64_t key = big_endian(number);
        memcpy(member, &key, sizeof key);
        redisAppendCommand(connection, "ZADD {floor}:queue:%u 0 %b", (unsigned)(number % opt.sessions + 1), member,
                           (size_t)(QUEUE_HEAD + DELIVERY_RECORD + opt.record));
    }
    redisAppendCommand(connection, "HSET {floor}:info batch %llu", (unsigned long long)number);
    redisAppendCommand(connection, "EXEC");
    for (unsigned i = 0; i < opt.batch + 3; i++) {
        void *reply = NULL;
        check(redisGetReply(connection, &reply) == REDIS_OK, "redis", connection->errstr);
        freeReplyObject(reply);
    }
}

/* ------------------------------------------------------------------------------------------------------- main */

static void parse(int argc, char **argv)
{
    static const struct option names[] = {
        {"at", 1, 0, 'a'},     {"batch", 1, 0, 'b'},    {"seconds", 1, 0, 's'},
        {"record", 1, 0, 'r'}, {"sessions", 1, 0, 'k'}, {0, 0, 0, 0},
    };
    int which;
    while ((which = getopt_long(argc, argv, "", names, NULL)) != -1)
        switch (which) {
        case 'a': opt.at = optarg; break;
        case 'b': opt.batch = (unsigned)atoi(optarg); break;
        case 's': opt.seconds = atof(optarg); break;
        case 'r': opt.record = (unsigned)atoi(optarg); break;
        case 'k': opt.sessions = (unsigned)atoi(optarg); break;
        default: exit(2);
        }
    check(optind + 1 == argc && opt.at, "usage", "floor file|sqlite|lmdb|redis|batch --at PLACE --batch N");
    check(opt.batch && opt.sessions && opt.record <= RECORD_MAX - 64, "usage", "a number is out of range");
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*open)(void), (*commit)(void);
    } engines[] = {{"file", file_open, file_commit},
                   {"sqlite", sqlite_open, sqlite_commit},
                   {"lmdb", lmdb_open, lmdb_commit},
                   {"redis", redis_open, redis_commit}};
    parse(argc, argv);
    if (!strcmp(argv[optind], "batch"))
        return print_batch();
    unsigned which = 0;
    while (which < 4 && strcmp(engines[which].name, argv[optind]))
        which++;
    check(which < 4, argv[optind], "not an engine");
    for (unsigned i = 0; i < opt.record; i++)
        record[i] = (unsigned char)(i * 131 + i / 7);
    engines[which].open();
    uint64_t bytes = written();
    double start = now(CLOCK_MONOTONIC), cpu = now(CLOCK_PROCESS_CPUTIME_ID), taken;
    unsigned commits = 0;
    do {
        engines[which].commit();
        commits++;
        taken = now(CLOCK_MONOTONIC) - start;
    } while (taken < opt.seconds);
    cpu = now(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    printf("{\"engine\": \"%s\", \"batch\": %u, \"rows\": %llu, \"seconds\": %.3f, \"rows_per_second\": %.0f, "
           "\"commit_ms\": %.3f, \"cpu_us_per_row\": %.3f, \"bytes_per_row\": %.0f}\n",
           engines[which].name, opt.batch, (unsigned long long)number, taken, (double)number / taken,
           taken / commits * 1e3, cpu / (double)number * 1e6, (double)(written() - bytes) / (double)number);
    return 0;
}
