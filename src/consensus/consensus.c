#include "consensus/consensus.h"

#include <assert.h>
#include <raft.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/check.h"

/* The core's own number for a disk's room; unused without a threshold, but it must not be 0. */
static const unsigned short CAPACITY = 60000;

struct consensus {
    struct raft raft;
};

static_assert((int)CONSENSUS_COMMAND == (int)RAFT_COMMAND, "stored types are the core's");
static_assert((int)CONSENSUS_BARRIER == (int)RAFT_BARRIER, "stored types are the core's");
static_assert((int)CONSENSUS_CONFIGURATION == (int)RAFT_CHANGE, "stored types are the core's");

static enum status status_of(int error)
{
    if (error == 0) {
        return STATUS_OK;
    }
    return error == RAFT_NOMEM ? STATUS_NO_MEMORY : STATUS_INVALID;
}

enum status consensus_open(struct consensus **out, uint64_t id, const char *address, uint32_t seed)
{
    CHECK(id != 0);
    struct consensus *consensus = calloc(1, sizeof(*consensus));
    if (consensus == NULL) {
        return STATUS_NO_MEMORY;
    }
    if (raft_init(&consensus->raft, NULL, NULL, id, address) != 0) {
        free(consensus);
        return STATUS_NO_MEMORY;
    }
    raft_seed(&consensus->raft, seed);
    raft_set_election_timeout(&consensus->raft, CONSENSUS_ELECTION_MS);
    raft_set_heartbeat_timeout(&consensus->raft, CONSENSUS_HEARTBEAT_MS);
    raft_set_max_inflight_entries(&consensus->raft, CONSENSUS_INFLIGHT_ENTRIES_MAX);
    raft_set_pre_vote(&consensus->raft, true);
    *out = consensus;
    return STATUS_OK;
}

void consensus_close(struct consensus *consensus)
{
    if (consensus == NULL) {
        return;
    }
    raft_close(&consensus->raft, NULL);
    free(consensus);
}

static enum status step(struct consensus *consensus, struct raft_event *event, uint64_t now_ms,
                        struct consensus_update *out)
{
    struct raft_update update;
    event->time = now_ms;
    event->capacity = CAPACITY;
    int error = raft_step(&consensus->raft, event, &update);
    if (error != 0) {
        return status_of(error);
    }
    unsigned flags = update.flags;
    *out = (struct consensus_update){
        .vote_changed = (flags & (RAFT_UPDATE_CURRENT_TERM | RAFT_UPDATE_VOTED_FOR)) != 0,
        .commit_changed = (flags & (RAFT_UPDATE_COMMIT_INDEX)) != 0,
        .state_changed = (flags & (RAFT_UPDATE_STATE)) != 0,
    };
    if ((flags & (RAFT_UPDATE_ENTRIES)) != 0) {
        out->entry_index = update.entries.index;
        out->entry_count = update.entries.n;
    }
    /* The configuration of a node that has no peers yet names nobody to write to. */
    CHECK((flags & (RAFT_UPDATE_MESSAGES)) == 0 || update.messages.n == 0);
    CHECK((flags & (RAFT_UPDATE_SNAPSHOT)) == 0);
    return STATUS_OK;
}

/* True if the bytes are a configuration to the end: version, count, then for each server an id, an
 * address with its zero and a role; zeros up to a multiple of eight. The core's own decoder looks at
 * no bounds. */
static bool configuration_is_sound(const uint8_t *data, uint32_t size)
{
    enum { HEAD_SIZE = 9, SERVER_SIZE_MIN = 10, ALIGNMENT = 8 };
    if (size < HEAD_SIZE) {
        return false;
    }
    uint64_t count = bytes_get_u64(data + 1);
    uint32_t offset = HEAD_SIZE;
    for (uint64_t i = 0; i < count; i++) {
        if (size - offset < SERVER_SIZE_MIN) {
            return false;
        }
        offset += 8;
        const uint8_t *zero = memchr(data + offset, 0, size - offset);
        if (zero == NULL || zero + 1 == data + size) {
            return false;
        }
        offset = (uint32_t)(zero - data) + 2; /* the zero and the role */
    }
    return size - offset < ALIGNMENT;
}

/* STATUS_CORRUPT: the bytes are no configuration. STATUS_OK: *out is to be closed. */
static enum status configuration_decode(const void *data, uint32_t size,
                                        struct raft_configuration *out)
{
    /* The core does not write to it. */
    struct raft_buffer buffer = {.base = (void *)(uintptr_t)data, .len = size};
    if (!configuration_is_sound(data, size)) {
        return STATUS_CORRUPT;
    }
    int error = raft_configuration_decode(&buffer, out);
    return error == RAFT_MALFORMED ? STATUS_CORRUPT : status_of(error);
}

static enum status metadata_of(uint64_t index, uint64_t term,
                               const struct consensus_configuration *configuration,
                               struct raft_snapshot_metadata *out)
{
    *out = (struct raft_snapshot_metadata){
        .index = index,
        .term = term,
        .configuration_index = configuration->index,
    };
    return configuration_decode(configuration->data, configuration->size, &out->configuration);
}

/* STATUS_CORRUPT when an entry that says it is a configuration is not one. */
static enum status configurations_check(const struct consensus_start *start)
{
    for (uint32_t i = 0; i < start->entry_count; i++) {
        const struct consensus_entry *entry = &start->entries[i];
        struct raft_configuration configuration;
        if (entry->type != CONSENSUS_CONFIGURATION) {
            continue;
        }
        enum status status = configuration_decode(entry->data, entry->size, &configuration);
        if (status != STATUS_OK) {
            return status;
        }
        raft_configuration_close(&configuration);
    }
    return STATUS_OK;
}

enum status consensus_start(struct consensus *consensus, const struct consensus_start *start,
                            uint64_t now_ms, struct consensus_update *out)
{
    enum status status = configurations_check(start);
    if (status != STATUS_OK) {
        return status;
    }
    struct raft_snapshot_metadata metadata;
    struct raft_event event = {.type = RAFT_START};
    event.start.term = start->term;
    event.start.voted_for = start->voted_for;
    event.start.start_index = start->entry_index_first;
    event.start.n_entries = start->entry_count;
    if (start->snapshot_index > 0) {
        status = metadata_of(start->snapshot_index, start->snapshot_term, start->configuration,
                             &metadata);
        if (status != STATUS_OK) {
            return status;
        }
        event.start.metadata = &metadata; /* the core takes the configuration inside it */
    }
    /* The core keeps the terms and copies of configurations, not this array. What could make it fail
     * half-way (and free what is not its own) has been looked at above. */
    struct raft_entry *entries = raft_calloc(start->entry_count + 1, sizeof(*entries));
    if (entries == NULL) {
        return STATUS_NO_MEMORY;
    }
    for (uint32_t i = 0; i < start->entry_count; i++) {
        const struct consensus_entry *entry = &start->entries[i];
        entries[i] = (struct raft_entry){
            .term = entry->term,
            .type = (enum raft_entry_type)entry->type,
            .buf = {.base = (void *)(uintptr_t)entry->data, .len = entry->size},
        };
    }
    event.start.entries = entries;
    status = step(consensus, &event, now_ms, out);
    if (status == STATUS_OK) { /* else the core has freed it */
        raft_free(entries);
    }
    return status;
}

enum status consensus_submit(struct consensus *consensus, const struct consensus_entry *entry,
                             uint64_t now_ms, struct consensus_update *out)
{
    struct raft_entry submitted = {
        .term = entry->term,
        .type = (enum raft_entry_type)entry->type,
        .buf = {.base = (void *)(uintptr_t)entry->data, .len = entry->size},
        .batch = (void *)(uintptr_t)entry->data,
    };
    struct raft_event event = {.type = RAFT_SUBMIT};
    event.submit.entries = &submitted;
    event.submit.n = 1;
    return step(consensus, &event, now_ms, out);
}

enum status consensus_persisted(struct consensus *consensus, uint64_t index, uint64_t now_ms,
                                struct consensus_update *out)
{
    struct raft_event event = {.type = RAFT_PERSISTED_ENTRIES};
    event.persisted_entries.index = index;
    return step(consensus, &event, now_ms, out);
}

enum status consensus_timeout(struct consensus *consensus, uint64_t now_ms,
                              struct consensus_update *out)
{
    struct raft_event event = {.type = RAFT_TIMEOUT};
    return step(consensus, &event, now_ms, out);
}

enum status consensus_configuration_committed(struct consensus *consensus,
                                              const struct consensus_configuration *configuration,
                                              uint64_t now_ms, struct consensus_update *out)
{
    struct raft_event event = {.type = RAFT_CONFIGURATION};
    event.configuration.index = configuration->index;
    enum status status =
        configuration_decode(configuration->data, configuration->size, &event.configuration.conf);
    return status == STATUS_OK ? step(consensus, &event, now_ms, out) : status;
}

enum status consensus_snapshot(struct consensus *consensus, uint64_t index, uint64_t term,
                               const struct consensus_configuration *configuration, uint64_t now_ms,
                               struct consensus_update *out)
{
    struct raft_event event = {.type = RAFT_SNAPSHOT};
    enum status status = metadata_of(index, term, configuration, &event.snapshot.metadata);
    return status == STATUS_OK ? step(consensus, &event, now_ms, out) : status;
}

static bool has_sole_voter(const struct raft_configuration *configuration, uint64_t id)
{
    unsigned voters = 0;
    bool self = false;
    for (unsigned i = 0; i < configuration->n; i++) {
        const struct raft_server *server = &configuration->servers[i];
        voters += server->role == RAFT_VOTER;
        self = self || (server->role == RAFT_VOTER && server->id == id);
    }
    return self && voters == 1;
}

bool consensus_sole_voter(const void *configuration, uint32_t size, uint64_t id)
{
    struct raft_configuration decoded;
    if (configuration_decode(configuration, size, &decoded) != STATUS_OK) {
        return false; /* consensus_start refuses it */
    }
    bool sole = has_sole_voter(&decoded, id);
    raft_configuration_close(&decoded);
    return sole;
}

struct consensus_state consensus_state(const struct consensus *consensus)
{
    /* The core's getters want a writable pointer here and there; they do not write. */
    struct raft *raft = (struct raft *)(uintptr_t)&consensus->raft;
    raft_id leader_id = 0;
    const char *leader_address;
    raft_leader(raft, &leader_id, &leader_address);
    return (struct consensus_state){
        .term = raft_current_term(raft),
        .voted_for = raft_voted_for(raft),
        .commit_index = raft_commit_index(raft),
        .leader_id = leader_id,
        .is_leader = raft_state(raft) == RAFT_LEADER,
        .is_sole_voter = has_sole_voter(&raft->configuration, raft->id),
        .timeout_ms = raft_timeout(raft),
    };
}

enum status consensus_configuration_sole(struct consensus_configuration *out, uint64_t id,
                                         const char *address)
{
    struct raft_configuration configuration;
    struct raft_buffer buffer;
    raft_configuration_init(&configuration);
    int error = raft_configuration_add(&configuration, id, address, RAFT_VOTER);
    if (error == 0) {
        error = raft_configuration_encode(&configuration, &buffer);
    }
    raft_configuration_close(&configuration);
    if (error != 0) {
        return status_of(error);
    }
    CHECK(buffer.len <= CONSENSUS_CONFIGURATION_SIZE_MAX);
    out->index = 1;
    out->size = (uint32_t)buffer.len;
    memcpy(out->data, buffer.base, buffer.len);
    raft_free(buffer.base);
    return STATUS_OK;
}
