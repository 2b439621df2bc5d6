// The rows of contents.
//
// Threads  those of the connection
// Source   schema/0002_content.sql
#pragma once

#include "content/content_store.hpp"
#include "content/keyed_digest.hpp"
#include "engine/connection.hpp"

#include <cstdint>
#include <span>

namespace holdfast::content {

inline constexpr std::int64_t kMaxContentKey = 0x7fff'ffff;

// A key for a new content, whose row stands until insert_content() only in the sequence of keys.
// too_large: there are no more.
std::int64_t take_content_key(engine::Connection& db);
// Of these chunks, in order; those of `content` are not looked at.
void insert_content(engine::Connection& db,
                    Digester& digester,
                    const ContentRow& content,
                    std::span<const ChunkRow> chunks);
bool has_content(engine::Connection& db, std::int64_t key);
// nullptr, or why it cannot be read.
const char* find_content(engine::Connection& db, std::int64_t key, ContentRow& content);
void delete_content(engine::Connection& db, std::int64_t key);

}  // namespace holdfast::content
