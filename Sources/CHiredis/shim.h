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
#include <dlfcn.h>
#include <hiredis/hiredis_ssl.h>

/// Begins TLS on a connection; returns NULL, or what went wrong.
///
/// The library is looked for when it is needed, so that nobody has to link it who does not use TLS. The context
/// is not freed: there is one for each connection that was ever made with TLS, which its connection refers to.
static inline const char *roost_redis_begin_tls(redisContext *context, const char *host, const char *ca_file) {
    static void *library = NULL;
    if (!library) library = dlopen("libhiredis_ssl.so", RTLD_NOW | RTLD_GLOBAL);
    if (!library) return "libhiredis_ssl.so is not installed";
    int (*initialize)(void) = (int (*)(void))dlsym(library, "redisInitOpenSSL");
    redisSSLContext *(*create)(const char *, const char *, const char *, const char *, const char *,
                               redisSSLContextError *) =
        (redisSSLContext *(*)(const char *, const char *, const char *, const char *, const char *,
                              redisSSLContextError *))dlsym(library, "redisCreateSSLContext");
    int (*initiate)(redisContext *, redisSSLContext *) =
        (int (*)(redisContext *, redisSSLContext *))dlsym(library, "redisInitiateSSLWithContext");
    if (!initialize || !create || !initiate) return "libhiredis_ssl.so lacks a function";
    initialize();
    redisSSLContextError error = REDIS_SSL_CTX_NONE;
    redisSSLContext *tls = create(ca_file, NULL, NULL, NULL, host, &error);
    if (!tls) return "its context cannot be made: check the certificates";
    return initiate(context, tls) == REDIS_OK ? NULL : context->errstr;
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
