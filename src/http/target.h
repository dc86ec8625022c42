/* target.h -- the forms of a request target and of a host (RFC 9112, 3.2; RFC 3986, 3.2). Private to
 * http. */
#ifndef HTTP_TARGET_H
#define HTTP_TARGET_H

#include "http/scan.h"

/* Passes the target at scan->at; stops at the first byte that cannot be in one. Whether its form is
 * one that is served is http_target_check's question, once the version is known to be ours. */
enum http_parse http_target_scan(struct http_scan *scan, struct http_view *out);

/* True for uri-host [ ":" port ] with a host that is not empty. */
bool http_host_is_valid(struct http_view host);

/* DONE or BAD. Cuts an absolute form to its path and query; a path that is missing there leaves a
 * target that is empty or begins with "?". */
enum http_parse http_target_check(struct http_scan *scan, struct http_request *request);

#endif
