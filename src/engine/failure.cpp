#include "engine/failure.hpp"

#include "holdfast/error.hpp"

#include <SQLiteCpp/Exception.h>
#include <sqlite3.h>

#include <new>
#include <string>

namespace holdfast::engine {

namespace {

constexpr int kPrimaryMask = 0xff;

// The code, and what it means to a person.
struct Meaning {
  ErrorCode code;
  const char* text;
};

Meaning meaning_of(int result) {
  // Connection::forbid_commits.
  if (result == SQLITE_CONSTRAINT_COMMITHOOK) {
    return {ErrorCode::io, "the transaction was ended by an earlier error"};
  }
  switch (result & kPrimaryMask) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
      return {ErrorCode::busy, "the database is locked by another connection"};
    case SQLITE_FULL:
      return {ErrorCode::full, "the disk is full"};
    case SQLITE_READONLY:
      return {ErrorCode::read_only, "the database cannot be written"};
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return {ErrorCode::io, "access was denied"};
    case SQLITE_CORRUPT:
      return {ErrorCode::corrupt, "the database file is malformed"};
    case SQLITE_NOTADB:
      return {ErrorCode::not_a_database, "the file is not a database"};
    case SQLITE_IOERR:
      return {ErrorCode::io, "an I/O error occurred"};
    case SQLITE_CANTOPEN:
      return {ErrorCode::io, "a file could not be opened"};
    case SQLITE_TOOBIG:
      return {ErrorCode::too_large, "a value is larger than a row may be"};
    // Our own statements keep to the schema's constraints as long as the rows are what we wrote.
    case SQLITE_CONSTRAINT:
      return {ErrorCode::corrupt, "a constraint of the schema does not hold"};
    case SQLITE_SCHEMA:
    case SQLITE_ERROR:
      return {ErrorCode::incompatible, "the schema is not as it should be"};
    default:
      return {ErrorCode::io, "SQLite refused"};
  }
}

// A table or an index that somebody added, in the words of SQLite, which name it. Other messages of SQLite's
// are not passed on.
bool is_unsafe_schema(int result, std::string_view message) {
  return (result & kPrimaryMask) == SQLITE_CORRUPT &&
         message.find("unsafe use of") != std::string_view::npos;
}

[[noreturn]] void fail_saying(std::string_view message, int result, std::string_view what) {
  if (!is_unsafe_schema(result, message)) fail(result, what);
  throw Error(ErrorCode::incompatible,
              std::string(what) + ": " + std::string(message) +
                  ": drop what was added to the file with this function");
}

}  // namespace

void fail(int result, std::string_view what) {
  if ((result & kPrimaryMask) == SQLITE_NOMEM || result == SQLITE_IOERR_NOMEM) {
    throw std::bad_alloc();
  }
  const Meaning meaning = meaning_of(result);
  throw Error(
      meaning.code,
      std::string(what) + ": " + meaning.text + " (SQLite result " + std::to_string(result) + ")");
}

void fail(sqlite3* handle, std::string_view what) {
  fail_saying(sqlite3_errmsg(handle), sqlite3_extended_errcode(handle), what);
}

void fail(const SQLite::Exception& exception, std::string_view what) {
  fail_saying(exception.what(), exception.getExtendedErrorCode(), what);
}

}  // namespace holdfast::engine
