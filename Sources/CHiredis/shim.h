// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors
#ifndef ROOST_CHIREDIS_SHIM_H
#define ROOST_CHIREDIS_SHIM_H

#include <stddef.h>
#include <sys/time.h>
#include <hiredis/hiredis.h>

/// Where the words of an error begin; arrays of C are tuples in Swift.
static inline const char *roost_redis_error(const redisContext *context) { return context->errstr; }

/// The descriptor of a connection, whose type has another name in hiredis 1.x.
static inline int roost_redis_descriptor(const redisContext *context) { return (int)context->fd; }

#if defined(__has_include)
#if __has_include(<hiredis/hiredis_ssl.h>)
#define ROOST_REDIS_HAS_TLS 1
#endif
#endif

#ifdef ROOST_REDIS_HAS_TLS
#include <arpa/inet.h>
#include <dlfcn.h>
#include <hiredis/hiredis_ssl.h>

/// What is used of hiredis_ssl and of the OpenSSL behind it, by name: nobody has to link them who does not use TLS.
typedef struct {
    int (*initialize)(void);
    int (*initiate)(redisContext *, struct ssl_st *);
    const void *(*method)(void);
    void *(*make_context)(const void *);
    void (*free_context)(void *);
    int (*trust_default)(void *);
    int (*trust_file)(void *, const char *, const char *);
    void (*verify)(void *, int, void *);
    struct ssl_st *(*make)(void *);
    void (*free)(struct ssl_st *);
    long (*control)(struct ssl_st *, int, long, void *);
    int (*set_host)(struct ssl_st *, const char *);
    void *(*parameters)(struct ssl_st *);
    int (*set_address)(void *, const char *);
} roost_redis_tls;

/// Finds the functions; returns NULL, or what is missing.
static inline const char *roost_redis_find_tls(roost_redis_tls *tls) {
    void *library = dlopen("libhiredis_ssl.so", RTLD_NOW);
    if (!library) return "libhiredis_ssl.so is not installed";
    const char *const names[] = {
        "redisInitOpenSSL", "redisInitiateSSL", "TLS_client_method", "SSL_CTX_new", "SSL_CTX_free",
        "SSL_CTX_set_default_verify_paths", "SSL_CTX_load_verify_locations", "SSL_CTX_set_verify", "SSL_new",
        "SSL_free", "SSL_ctrl", "SSL_set1_host", "SSL_get0_param", "X509_VERIFY_PARAM_set1_ip_asc",
    };
    void **const slots = (void **)tls;
    for (size_t index = 0; index < sizeof names / sizeof *names; index++) {
        slots[index] = dlsym(library, names[index]);
        if (!slots[index]) return names[index];
    }
    return NULL;
}

/// Begins TLS on a connection, with the certificate and its name checked; returns NULL, or what went wrong.
static inline const char *roost_redis_begin_tls(redisContext *context, const char *host, const char *ca_file) {
    enum { set_name_indication = 55, verify_peer = 1 };
    roost_redis_tls tls;
    const char *missing = roost_redis_find_tls(&tls);
    if (missing) return missing;
    tls.initialize();
    void *settings = tls.make_context(tls.method());
    if (!settings) return "OpenSSL has no context";
    int trusted = ca_file ? tls.trust_file(settings, ca_file, NULL) : tls.trust_default(settings);
    tls.verify(settings, verify_peer, NULL);
    struct ssl_st *session = trusted == 1 ? tls.make(settings) : NULL;
    tls.free_context(settings);
    if (!session) return trusted == 1 ? "OpenSSL has no session" : "the trusted certificates cannot be read";
    unsigned char address[16];
    int named;
    if (inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1) {
        named = tls.set_address(tls.parameters(session), host);
    } else {
        named = tls.set_host(session, host) == 1
            && tls.control(session, set_name_indication, 0, (void *)host) == 1;
    }
    if (named == 1 && tls.initiate(context, session) == REDIS_OK) return NULL;
    tls.free(session);
    return context->err ? context->errstr : "the name of the host cannot be checked";
}
static inline int roost_redis_has_tls(void) { return 1; }
#else
static inline const char *roost_redis_begin_tls(redisContext *context, const char *host, const char *ca_file) {
    (void)context, (void)host, (void)ca_file;
    return "this build of hiredis has no TLS";
}
static inline int roost_redis_has_tls(void) { return 0; }
#endif

#endif
