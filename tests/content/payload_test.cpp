#include "content/payload.hpp"

#include "access.hpp"
#include "content/row_digest.hpp"
#include "support/catch.hpp"
#include "support/content_chunks.hpp"
#include "support/random.hpp"
#include "support/require_error.hpp"
#include "support/temporary_database.hpp"

#include <string>

namespace holdfast {

using content::Form;
using content::Payload;
using engine::Connection;

namespace {

struct Statements {
  explicit Statements(Connection& db) : row(db, "SELECT ?1, ?2, ?3") {}
  // A row with the payload columns, which no table has.
  engine::Statement row;
};

// The columns of a row that was written; the value is kept here if it is inline.
struct Stored {
  std::int64_t raw_bytes = 0;
  engine::Value::Type type = engine::Value::Type::null;
  Bytes value = {};
  std::optional<std::int64_t> content_key = std::nullopt;
};

Stored store(Database& database, BytesView bytes, Form form) {
  return engine::Access::link(database).write([&](Connection& db) {
    const Payload payload = Payload::store(db, bytes, form);
    return Stored{.raw_bytes = payload.raw_bytes(),
                  .type = payload.value().type,
                  .value = to_bytes(payload.value().bytes),
                  .content_key = payload.content_key()};
  });
}

Bytes load(Database& database, const Stored& stored) {
  return engine::Access::link(database).read([&](Connection& db) {
    const engine::Value value{stored.type, stored.value};
    auto row = db.statements<Statements>().row.run(stored.raw_bytes, value, stored.content_key);
    row.step();
    return content::load(db, row, 0);
  });
}

void remove(Database& database, const Stored& stored) {
  engine::Access::link(database).write(
      [&](Connection& db) { content::remove(db, stored.content_key); });
}

std::string compressible(std::size_t size) {
  std::string text;
  while (text.size() < size)
    text += "line " + std::to_string(text.size() / 64) + " of a log\n";
  text.resize(size);
  return text;
}

// One that takes many chunks, on a file, to be damaged.
struct LargePayload {
  LargePayload() : stored(store(*db, bytes, Form::unknown)) {}
  test::TemporaryDatabase db;
  test::Random random;
  std::string bytes = random.bytes(600 * 1024) + compressible(600 * 1024);
  Stored stored;
};

}  // namespace

TEST_CASE("a payload of any size comes back byte for byte") {
  test::TemporaryDatabase db(GENERATE(test::Ground::file, test::Ground::memory));
  test::Random random;
  INFO(random);
  for (const std::size_t size : {std::size_t{0},
                                 std::size_t{1},
                                 content::kInlineBytes - 1,
                                 content::kInlineBytes,
                                 content::kInlineBytes + 1,
                                 std::size_t{512 * 1024},
                                 std::size_t{512 * 1024 + 1},
                                 std::size_t{3'000'000}}) {
    for (const std::string& bytes : {random.bytes(size), compressible(size)}) {
      CAPTURE(size);
      const Stored stored = store(*db, bytes, Form::unknown);
      REQUIRE(stored.raw_bytes == static_cast<std::int64_t>(size));
      REQUIRE(stored.content_key.has_value() == (size > content::kInlineBytes));
      REQUIRE(load(*db, stored) == to_bytes(bytes));
    }
  }
}

TEST_CASE("a small payload is text if it is JSON, and a blob else") {
  test::TemporaryDatabase db(test::Ground::memory);
  const auto type = [&](BytesView bytes, Form form) { return store(*db, bytes, form).type; };
  const auto text = engine::Value::Type::text;
  const auto blob = engine::Value::Type::blob;
  const std::string long_json = "[" + std::string(content::kSniffBytes, ' ') + "]";
  REQUIRE(type(R"({"a":1})", Form::unknown) == text);
  REQUIRE(type("17", Form::unknown) == blob);
  REQUIRE(type("17", Form::json) == text);
  REQUIRE(type("{", Form::unknown) == blob);
  REQUIRE(type("", Form::unknown) == blob);
  REQUIRE(type(R"({"a":1})", Form::opaque) == blob);
  REQUIRE(type(long_json, Form::unknown) == blob);
  REQUIRE(type(long_json, Form::json) == text);
}

TEST_CASE(
    "chunks are compressed where that saves an eighth, and no row is larger than a mebibyte") {
  test::TemporaryDatabase db;
  test::Random random;
  INFO(random);
  store(*db, compressible(3'000'000), Form::json);
  const Stored second = store(*db, random.bytes(3'000'000), Form::unknown);
  db.close();
  test::PlainSqlite sqlite(db.file());
  REQUIRE(sqlite.integer("SELECT count(*) FROM chunk WHERE codec = 'zstd'") > 0);
  REQUIRE(sqlite.integer("SELECT count(*) FROM chunk WHERE codec <> 'raw' AND chunk_key IN (" +
                         test::chunks_of(std::to_string(*second.content_key)) + ")") == 0);
  REQUIRE(sqlite.integer("SELECT max(length(bytes)) FROM chunk_data") <= 1024 * 1024);
  REQUIRE(sqlite.integer("SELECT (SELECT sum(stored_bytes) FROM content)"
                         " = (SELECT sum(length(bytes)) FROM chunk_data)") == 1);
  REQUIRE(sqlite.integer(
              "SELECT stored_bytes * 4 < raw_bytes FROM content WHERE content_key = 1") == 1);
}

TEST_CASE("removing a content removes its chunks and nobody else's") {
  test::TemporaryDatabase db;
  const std::string first = compressible(2'000'000);
  const std::string second = compressible(1'000'000);
  const Stored removed = store(*db, first, Form::json);
  const Stored kept = store(*db, second, Form::json);
  remove(*db, removed);
  REQUIRE(load(*db, kept) == to_bytes(second));
  test::require_error(ErrorCode::corrupt, [&] { load(*db, removed); });
  remove(*db, kept);
  remove(*db, kept);
  remove(*db, Stored{});
  db.close();
  REQUIRE(test::PlainSqlite(db.file()).integer(
              "SELECT (SELECT count(*) FROM content) + (SELECT count(*) FROM chunk)"
              " + (SELECT count(*) FROM chunk_data)") == 0);
}

TEST_CASE("what a transaction that failed had stored is gone") {
  test::TemporaryDatabase db;
  const auto stored = [&] {
    try {
      db->transact([&] {
        store(*db, compressible(1'000'000), Form::json);
        throw std::runtime_error("no");
      });
    } catch (const std::runtime_error&) {
    }
  };
  stored();
  db.close();
  REQUIRE(test::PlainSqlite(db.file()).integer("SELECT count(*) FROM chunk_data") == 0);
}

TEST_CASE("every damage to a content is corrupt") {
  LargePayload large;
  INFO(large.random);
  const std::string damage =
      GENERATE(as<std::string>{},
               "DELETE FROM content",
               "UPDATE content SET raw_bytes = raw_bytes - 1",
               "UPDATE content SET chunk_count = chunk_count - 1",
               "UPDATE content SET chunk_count = 0",
               "UPDATE content SET stored_bytes = stored_bytes + 1",
               "UPDATE content SET keyed_digest = zeroblob(16)",
               "UPDATE content SET content_key = content_key + 1",
               "UPDATE content SET recipe = x'00'",
               "UPDATE content SET recipe = CAST(recipe || x'80' AS BLOB)",
               "DELETE FROM content_secret; DELETE FROM content_secret_copy",
               "DELETE FROM chunk",
               "DELETE FROM chunk WHERE chunk_key = 1",
               "DELETE FROM chunk_data WHERE chunk_key = 3",
               "UPDATE chunk SET chunk_key = 99 WHERE chunk_key = 3",
               "UPDATE chunk SET users = users + 1",
               "UPDATE chunk SET raw_bytes = raw_bytes - 1",
               "UPDATE chunk SET raw_bytes = 1 << 62",
               "UPDATE chunk SET codec = 'raw' WHERE codec = 'zstd'",
               "UPDATE chunk SET codec = 'zstd'",
               "UPDATE chunk SET codec = 'delta', keyframe_key = 1",
               "UPDATE chunk_data SET bytes = zeroblob(length(bytes))",
               // Nothing but the digest knows these bytes.
               "UPDATE chunk_data SET bytes = zeroblob(length(bytes)) WHERE"
               " chunk_key IN (SELECT chunk_key FROM chunk WHERE codec = 'raw')",
               "UPDATE chunk_data SET bytes = zeroblob(0)",
               "UPDATE chunk_data SET bytes = substr(bytes, 1, 1000)");
  CAPTURE(damage);
  REQUIRE(load(*large.db, large.stored) == to_bytes(large.bytes));
  large.db.damage(damage);
  test::require_error(ErrorCode::corrupt, [&] { load(*large.db, large.stored); });
}

TEST_CASE("a damaged length asks for no memory") {
  LargePayload large;
  large.db.damage("UPDATE content SET raw_bytes = 1 << 60, chunk_count = 1 << 40");
  Stored stored = large.stored;
  stored.raw_bytes = std::int64_t{1} << 60;
  test::require_error(ErrorCode::corrupt, [&] { load(*large.db, stored); });
}

TEST_CASE("contents that changed places are corrupt") {
  test::TemporaryDatabase db;
  const Stored first = store(*db, compressible(300'000), Form::json);
  const Stored second = store(*db, "x" + compressible(299'999), Form::json);
  db.damage(
      "UPDATE content SET content_key = 9 WHERE content_key = 1;"
      "UPDATE content SET content_key = 1 WHERE content_key = 2;"
      "UPDATE content SET content_key = 2 WHERE content_key = 9");
  test::require_error(ErrorCode::corrupt, [&] { load(*db, first); });
  test::require_error(ErrorCode::corrupt, [&] { load(*db, second); });
}

TEST_CASE("chunks whose bytes changed places are corrupt") {
  test::TemporaryDatabase db;
  test::Random random;
  INFO(random);
  const Stored stored = store(*db, random.bytes(300'000), Form::unknown);
  db.damage(
      "UPDATE chunk_data SET chunk_key = 99 WHERE chunk_key = 1;"
      "UPDATE chunk_data SET chunk_key = 1 WHERE chunk_key = 2;"
      "UPDATE chunk_data SET chunk_key = 2 WHERE chunk_key = 99");
  test::require_error(ErrorCode::corrupt, [&] { load(*db, stored); });
}

TEST_CASE("one copy of the secret is enough, and a large payload goes on without neither") {
  test::TemporaryDatabase db;
  const std::string bytes = compressible(300'000);
  const Stored stored = store(*db, bytes, Form::json);
  SECTION("the first is lost") {
    db.damage("DELETE FROM content_secret");
  }
  SECTION("the first is damaged") {
    db.damage("UPDATE content_secret SET secret = zeroblob(16)");
  }
  SECTION("the second is damaged") {
    db.damage("UPDATE content_secret_copy SET secret = zeroblob(16)");
  }
  REQUIRE(load(*db, stored) == to_bytes(bytes));
  REQUIRE(load(*db, store(*db, bytes, Form::json)) == to_bytes(bytes));
  db.damage(
      "UPDATE content_secret SET secret = zeroblob(16);"
      "UPDATE content_secret_copy SET secret = zeroblob(16)");
  test::require_error(ErrorCode::corrupt, [&] { load(*db, stored); });
  test::require_error(ErrorCode::corrupt, [&] { store(*db, bytes, Form::json); });
}

TEST_CASE("a row that names a content by an impossible key is corrupt") {
  test::TemporaryDatabase db;
  for (const std::int64_t key :
       {std::int64_t{0}, std::int64_t{-1}, std::int64_t{1} << 31, std::int64_t{1} << 62}) {
    const Stored stored{.raw_bytes = 100'000, .content_key = key};
    test::require_error(ErrorCode::corrupt, [&] { load(*db, stored); });
    remove(*db, stored);
  }
}

TEST_CASE("a row whose inline payload is missing or has another length is corrupt") {
  test::TemporaryDatabase db(test::Ground::memory);
  const auto blob = engine::Value::Type::blob;
  test::require_error(ErrorCode::corrupt, [&] { load(*db, Stored{.raw_bytes = 0}); });
  test::require_error(ErrorCode::corrupt, [&] {
    load(*db, Stored{.raw_bytes = 2, .type = blob, .value = to_bytes("abc")});
  });
}

TEST_CASE("when all content keys are used up, a large payload is too_large and small ones go on") {
  test::TemporaryDatabase db;
  store(*db, compressible(100'000), Form::json);
  db.damage("UPDATE sqlite_sequence SET seq = 2147483646 WHERE name = 'content'");
  const Stored last = store(*db, compressible(100'000), Form::json);
  REQUIRE(last.content_key == 2147483647);
  REQUIRE(load(*db, last) == to_bytes(compressible(100'000)));
  test::require_error(ErrorCode::too_large, [&] { store(*db, compressible(100'000), Form::json); });
  REQUIRE_FALSE(store(*db, "small", Form::unknown).content_key);
}

TEST_CASE("the digest of a row's payload is the same before writing and after reading") {
  test::TemporaryDatabase db(test::Ground::memory);
  for (const std::string& bytes :
       {std::string(), std::string("{}"), std::string("\0\1", 2), compressible(100'000)}) {
    const bool same = engine::Access::link(*db).write([&](Connection& connection) {
      const Payload payload = Payload::store(connection, bytes, Form::unknown);
      auto row = connection.statements<Statements>().row.run(
          payload.raw_bytes(), payload.value(), payload.content_key());
      row.step();
      return content::RowDigest().add_payload(payload).value() ==
             content::RowDigest().add_payload(row, 0).value();
    });
    REQUIRE(same);
  }
}

}  // namespace holdfast
