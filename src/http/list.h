/* list.h -- doubly linked lists whose links lie in their members. A link that is in no list points to
 * itself, so taking it out twice is harmless. Private to http. */
#ifndef HTTP_LIST_H
#define HTTP_LIST_H

#include <stdbool.h>

struct http_link {
    struct http_link *previous;
    struct http_link *next;
};

static inline void http_list_init(struct http_link *link)
{
    link->previous = link;
    link->next = link;
}

static inline bool http_list_is_empty(const struct http_link *list)
{
    return list->next == list;
}

static inline void http_list_remove(struct http_link *link)
{
    link->previous->next = link->next;
    link->next->previous = link->previous;
    http_list_init(link);
}

static inline void http_list_append(struct http_link *list, struct http_link *link)
{
    link->previous = list->previous;
    link->next = list;
    list->previous->next = link;
    list->previous = link;
}

#endif
