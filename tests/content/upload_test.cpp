// Payloads that are staged: cut as whole ones are, visible all at once, and gone without a trace where they are
// given up.

#include "holdfast/maintain.hpp"
#include "support/catch.hpp"
#include "support/content_chunks.hpp"
#include "support/random.hpp"
#include "support/require_error.hpp"
#include "support/temporary_database.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <functional>
#include <string>
#include <thread>
#include <vector>

namespace holdfast {
namespace {

constexpr std::size_t kMib = 1 << 20;
constexpr UploadOptions kSmallStages = {.stage_bytes = 64ULL << 10};

void save(Database& db, const std::string& id, const std::string& state) {
  db.checkpoints().save("trace", {.id = id, .data = to_bytes(state)});
}

void require_loads(Database& db, const std::string& id, const std::string& state) {
  // Not REQUIRE: megabytes are no message.
  if (as_text(db.checkpoints().load(id).value().data) != state) FAIL("another payload: " + id);
}

// Parts that compress, parts that do not, and parts that come again.
std::string mixed_payload(test::Random& random, std::size_t bytes) {
  std::string payload;
  while (payload.size() < bytes) {
    const std::size_t length = 1 + random.below(900'000);
    switch (random.below(4)) {
      case 0:
        payload += random.bytes(length);
        break;
      case 1:
        payload.append(length, static_cast<char>('a' + random.below(26)));
        break;
      case 2:
        for (std::size_t i = 0; i < length; i += 12)
          payload += "entry " + std::to_string(random.below(100'000));
        break;
      default:
        payload += payload.substr(random.below(payload.size() + 1), length);
    }
  }
  payload.resize(bytes);
  return payload;
}

void write_in_pieces(PayloadWriter& writer, const std::string& payload, test::Random& random) {
  const std::size_t most = random.one_in(2) ? 5000 : 3 * kMib;
  for (std::size_t at = 0; at < payload.size();) {
    const std::size_t size = std::min(payload.size() - at, random.below(most));
    writer.write(std::string_view(payload).substr(at, size));
    at += size;
  }
}

void stream(Database& db, const std::string& id, const std::string& payload, test::Random& random) {
  const std::size_t stage = 64 * 1024 + random.below(1 << random.below(22));
  auto writer = db.checkpoints().begin_save("trace", {.id = id}, {.stage_bytes = stage});
  write_in_pieces(writer, payload, random);
  REQUIRE(writer.size() == payload.size());
  writer.commit();
}

std::string read_in_pieces(PayloadReader& reader, test::Random& random) {
  std::string payload;
  Bytes piece;
  for (;;) {
    piece.resize(1 + random.below(random.one_in(2) ? 5000 : 3 * kMib));
    const std::size_t size = reader.read(piece);
    payload += as_text(BytesView(piece).first(size));
    if (size < piece.size()) return payload;
  }
}

std::int64_t count(test::TemporaryDatabase& db, const std::string& sql) {
  db.close();
  const std::int64_t found = test::PlainSqlite(db.file()).integer(sql);
  db.reopen();
  return found;
}

void require_sound(Database& db) {
  for (const Finding& finding : verify(db).findings)
    FAIL(finding.place << ": " << finding.what);
}

// Nothing is left of any upload, and of no chunk.
void require_nothing_left(test::TemporaryDatabase& db) {
  require_sound(*db);
  REQUIRE(count(db,
                "SELECT (SELECT count(*) FROM content_upload) + (SELECT count(*) FROM content)"
                " + (SELECT count(*) FROM chunk) + (SELECT count(*) FROM chunk_data)") == 0);
}

}  // namespace

TEST_CASE(
    "what is streamed comes back byte for byte, and shares every chunk with what is saved whole") {
  test::TemporaryDatabase db;
  test::Random random;
  INFO(random);
  std::string state;
  for (int round = 0; round < 6; ++round) {
    // From nothing, and from the state before.
    if (round % 3 == 0) {
      state = mixed_payload(random, 1 + random.below(6 * kMib));
      db->checkpoints().remove_trace("trace");
    } else {
      const std::size_t at = random.below(state.size());
      state.insert(at, random.bytes(random.below(300'000)));
      state.erase(random.below(state.size()), random.below(100'000));
    }
    const bool whole_first = random.one_in(2);
    const auto save_one = [&](const std::string& id, bool whole) {
      whole ? save(*db, id, state) : stream(*db, id, state, random);
    };
    const std::string sum = "SELECT ifnull(sum(length(bytes)), 0) FROM chunk_data";
    save_one("first " + std::to_string(round), whole_first);
    const std::int64_t stored = count(db, sum);
    save_one("second " + std::to_string(round), !whole_first);
    REQUIRE(count(db, sum) == stored);
    require_loads(*db, "first " + std::to_string(round), state);
    auto reader = db->checkpoints().open("second " + std::to_string(round)).value();
    REQUIRE(reader.size() == state.size());
    if (read_in_pieces(reader, random) != state) FAIL("another payload");
    require_sound(*db);
  }
  db->checkpoints().remove_trace("trace");
  require_nothing_left(db);
}

TEST_CASE("what is saved whole and staged is cut as what is saved inside a transaction") {
  test::TemporaryDatabase db(GENERATE(test::Ground::file, test::Ground::memory));
  test::Random random;
  INFO(random);
  const std::string state = mixed_payload(random, 9 * kMib + random.below(kMib));
  const auto before = db->statistics().commits;
  save(*db, "staged", state);
  REQUIRE(db->statistics().commits >= before + 4);
  const auto stored = [&] {
    std::uint64_t bytes = 0;
    for (const StorageUse& owner : storage_by_owner(*db))
      bytes += owner.stored_bytes;
    return bytes;
  };
  const auto stored_before = stored();
  db->transact([&] { save(*db, "at once", state); });
  REQUIRE(stored() == stored_before);
  require_loads(*db, "staged", state);
  require_loads(*db, "at once", state);
  require_sound(*db);
}

TEST_CASE("snapshots and states of manifests are staged as checkpoints are") {
  test::TemporaryDatabase db;
  test::Random random;
  INFO(random);
  const std::string state = random.bytes(9 * kMib);
  const auto commits_of = [&](const std::function<void()>& work) {
    const auto before = db->statistics().commits;
    work();
    return db->statistics().commits - before;
  };
  const Snapshot snapshot{.run = "run", .at_seq = 3, .state = to_bytes(state)};
  REQUIRE(commits_of([&] { db->runs().save_snapshot(snapshot); }) >= 4);
  REQUIRE(commits_of([&] { db->manifests().save_with_state(Manifest(1, 1, 1), {state}); }) >= 4);
  REQUIRE(commits_of([&] { db->manifests().save_state_data(2, {state}); }) >= 4);
  if (as_text(db->runs().load_latest("run").value().state) != state) FAIL("another payload");
  if (as_text(db->manifests().load_state_data(1).value()) != state) FAIL("another payload");
  // What is there already is staged in vain.
  REQUIRE(db->manifests().save_with_state(Manifest(1, 1, 1), {state}) ==
          SaveOutcome::already_there);
  db->runs().append("other", {"{}"});
  test::require_error(ErrorCode::invalid_argument, [&] {
    db->runs().save_snapshot({.run = "other", .at_seq = 10, .state = to_bytes(state)});
  });
  REQUIRE(db->manifests().cleanup_orphans() == 1);
  db->runs().remove("run");
  require_sound(*db);
  REQUIRE(count(db, "SELECT count(*) FROM content_upload") == 0);
  REQUIRE(count(db, "SELECT count(*) FROM content") == 1);
}

TEST_CASE("others write while an upload goes on, and see none of it before its commit") {
  test::TemporaryDatabase db;
  test::Random random;
  INFO(random);
  const std::string state = random.bytes(2 * kMib);
  save(*db, "id", "old");
  auto writer = db->checkpoints().begin_save("trace", {.id = "id"}, kSmallStages);
  int acknowledged = 0;
  for (std::size_t at = 0; at < state.size(); at += 100'000) {
    writer.write(std::string_view(state).substr(at, 100'000));
    std::thread([&] { db->state("s").put("key", std::to_string(at)); }).join();
    ++acknowledged;
    require_loads(*db, "id", "old");
    REQUIRE(db->checkpoints().size() == 1);
  }
  REQUIRE(acknowledged > 20);
  writer.commit();
  require_loads(*db, "id", state);
}

TEST_CASE("a replaced payload is the new one from the commit on, with its name, hash and time") {
  test::TemporaryDatabase db;
  test::Random random;
  INFO(random);
  const std::string state = random.bytes(2 * kMib);
  save(*db, "id", "old");
  save(*db, "other", "other");
  auto writer = db->checkpoints().begin_save(
      "trace",
      {.id = "id", .data = to_bytes(state.substr(0, 10)), .graph_hash = 7, .created_at_ns = -3},
      kSmallStages);
  writer.write(std::string_view(state).substr(10));
  require_loads(*db, "id", "old");
  const bool small = GENERATE(true, false);
  if (small) db->checkpoints().prune("trace", 1);
  writer.commit();
  const auto latest = db->checkpoints().load_latest("trace").value();
  REQUIRE(latest.id == "id");
  REQUIRE(latest.graph_hash == 7);
  REQUIRE(latest.created_at_ns == -3);
  if (as_text(latest.data) != state) FAIL("another payload");
  REQUIRE(db->checkpoints().list("trace") == std::vector<std::string>{"id", "other"});
  require_sound(*db);
  test::require_error(ErrorCode::invalid_argument, [&] { writer.write("more"); });
  test::require_error(ErrorCode::invalid_argument, [&] { writer.commit(); });
}

TEST_CASE("a small payload streams like a large one, and an empty one is a payload") {
  test::TemporaryDatabase db(GENERATE(test::Ground::file, test::Ground::memory));
  for (const std::string data : {"", "{\"a\":1}", "bytes"}) {
    auto writer = db->checkpoints().begin_save("trace", {.id = "id" + data});
    writer.write(data);
    writer.commit();
    require_loads(*db, "id" + data, data);
    std::string read;
    REQUIRE(db->checkpoints().read("id" + data, [&](BytesView piece) { read += as_text(piece); }));
    REQUIRE(read == data);
    REQUIRE(db->checkpoints().open("id" + data).value().size() == data.size());
  }
  REQUIRE_FALSE(db->checkpoints().read("absent", [](BytesView) {}));
  REQUIRE_FALSE(db->checkpoints().open("absent").has_value());
}

TEST_CASE("an upload that is given up leaves nothing") {
  test::TemporaryDatabase db;
  test::Random random;
  INFO(random);
  {
    auto writer = db->checkpoints().begin_save("trace", {.id = "id"}, kSmallStages);
    write_in_pieces(writer, mixed_payload(random, 4 * kMib), random);
  }
  REQUIRE(db->checkpoints().size() == 0);
  require_nothing_left(db);
}

TEST_CASE(
    "what an upload had staged when it died goes with the next one, or with shrink, once it has "
    "expired") {
  test::TemporaryDatabase db;
  test::Random random;
  INFO(random);
  const std::int64_t lease_ms = GENERATE(0, 3'600'000);
  {
    auto writer = db->checkpoints().begin_save(
        "trace", {.id = "id"}, {.stage_bytes = 64 << 10, .lease_ms = lease_ms});
    writer.write(random.bytes(3 * kMib));
    db.close();  // its destructor cannot write any more
  }
  db.reopen();
  const VerifyReport report = verify(*db);
  REQUIRE(report.sound());
  REQUIRE(report.findings.size() == 1);
  REQUIRE(report.findings.front().severity == Severity::info);
  const bool by_shrink = GENERATE(true, false);
  if (by_shrink) {
    shrink(*db);
  } else {
    auto next = db->checkpoints().begin_save("trace", {.id = "next"}, kSmallStages);
    next.write(std::string(3 * kMib, 'x'));
  }
  if (lease_ms == 0) return require_nothing_left(db);
  REQUIRE(count(db, "SELECT count(*) FROM content_upload") > 0);
  // A row that fails its digest is not believed.
  db.damage("UPDATE content_upload SET expires_at_ms = 0");
  REQUIRE_FALSE(verify(*db).sound());
  shrink(*db);
  REQUIRE(count(db, "SELECT count(*) FROM content_upload") > 0);
}

TEST_CASE("an upload whose lease ran out, and whose stages were removed, is fenced") {
  test::TemporaryDatabase db;
  test::Random random;
  INFO(random);
  auto writer =
      db->checkpoints().begin_save("trace", {.id = "id"}, {.stage_bytes = 64 << 10, .lease_ms = 0});
  writer.write(random.bytes(3 * kMib));
  shrink(*db);
  if (GENERATE(true, false)) {
    test::require_error(ErrorCode::fenced, [&] { writer.write("more"); });
  } else {
    test::require_error(ErrorCode::fenced, [&] { writer.commit(); });
  }
  REQUIRE(db->checkpoints().size() == 0);
  require_nothing_left(db);
}

TEST_CASE("salvage leaves out what an upload had staged, and nothing else") {
  test::TemporaryDatabase db;
  test::Random random;
  INFO(random);
  const std::string state = random.bytes(300'000);
  save(*db, "id", state);
  {
    auto writer = db->checkpoints().begin_save("trace", {.id = "staged"}, kSmallStages);
    writer.write(state + random.bytes(3 * kMib));
    db.close();
  }
  salvage(db.file(), db.file() + "-salvaged");
  auto salvaged = Database::open(db.file() + "-salvaged");
  require_loads(salvaged, "id", state);
  REQUIRE(salvaged.checkpoints().size() == 1);
  require_sound(salvaged);
}

TEST_CASE("what an upload resembles may be removed while it goes on") {
  test::TemporaryDatabase db;
  test::Random random;
  INFO(random);
  std::string state = mixed_payload(random, 5 * kMib);
  save(*db, "old", state);
  state[state.size() / 2] ^= 1;
  state[state.size() - 100'000] ^= 1;
  auto writer = db->checkpoints().begin_save("trace", {.id = "new"}, kSmallStages);
  const std::size_t half = 2 * kMib + random.below(kMib);
  writer.write(std::string_view(state).substr(0, half));
  REQUIRE(db->checkpoints().remove("old"));
  writer.write(std::string_view(state).substr(half));
  writer.commit();
  require_loads(*db, "new", state);
  require_sound(*db);
  db->checkpoints().remove("new");
  require_nothing_left(db);
}

TEST_CASE(
    "an upload is refused inside a transaction, and where it is too large or somebody else's") {
  test::TemporaryDatabase db(test::Ground::file, {.max_payload_bytes = 2 * kMib});
  const auto begin = [&] {
    return db->checkpoints().begin_save("trace", {.id = "id"}, kSmallStages);
  };
  test::require_error(ErrorCode::unsupported, [&] { db->transact([&] { begin(); }); });
  test::require_error(ErrorCode::unsupported, [&] { db->read([&] { begin(); }); });
  auto writer = begin();
  writer.write("piece");
  test::require_error(ErrorCode::unsupported,
                      [&] { db->transact([&] { writer.write("piece"); }); });
  test::require_error(ErrorCode::unsupported, [&] { db->transact([&] { writer.commit(); }); });
  test::require_error(ErrorCode::too_large, [&] { writer.write(std::string(2 * kMib, 'x')); });
  REQUIRE(writer.size() == 5);
  db->checkpoints().save("other", {.id = "id"});
  const ErrorDetail conflict = test::require_error(ErrorCode::conflict, [&] { writer.commit(); });
  REQUIRE(conflict.id == "other");
  db->checkpoints().remove("id");
  writer.commit();
  require_loads(*db, "id", "piece");
  // Before all of it is staged for nothing.
  db->checkpoints().save("other", {.id = "theirs"});
  auto late = db->checkpoints().begin_save("trace", {.id = "theirs"}, kSmallStages);
  test::require_error(ErrorCode::conflict, [&] { late.write(std::string(2 * kMib, 'x')); });
  test::require_error(ErrorCode::invalid_argument, [&] { late.commit(); });
  for (const std::size_t bytes : {std::size_t{1}, std::size_t{1} << 40}) {
    test::require_error(ErrorCode::invalid_argument, [&] {
      db->checkpoints().begin_save("trace", {.id = "x"}, {.stage_bytes = bytes});
    });
  }
  test::require_error(ErrorCode::invalid_argument, [&] {
    db->checkpoints().begin_save("trace", {.id = "x"}, {.lease_ms = -1});
  });
}

TEST_CASE("a large payload is saved, streamed and read in little memory beside it") {
  // Less than the default, so that the bound is not the cache's.
  test::TemporaryDatabase db(test::Ground::file, {.cache_bytes = 2 * kMib});
  test::Random random;
  INFO(random);
  const auto most_within = [](const std::function<void()>& work) {
    const auto before = sqlite3_memory_used();
    sqlite3_memory_highwater(1);
    work();
    return sqlite3_memory_highwater(0) - before;
  };
  const std::string state = random.bytes(24 * kMib);
  const Bytes data = to_bytes(state);
  constexpr std::int64_t kMost = 12 * kMib;
  const CheckpointBlob blob{.id = "whole", .data = data};
  REQUIRE(most_within([&] { db->checkpoints().save("trace", blob); }) < kMost);
  REQUIRE(most_within([&] {
            auto writer = db->checkpoints().begin_save("other", {.id = "streamed"});
            for (std::size_t at = 0; at < data.size(); at += kMib)
              writer.write(BytesView(data).subspan(at, kMib));
            writer.commit();
          }) < kMost);
  std::size_t at = 0;
  std::size_t largest = 0;
  REQUIRE(most_within([&] {
            db->checkpoints().read("streamed", [&](BytesView piece) {
              if (!state.substr(at, piece.size()).starts_with(as_text(piece))) FAIL("other bytes");
              at += piece.size();
              largest = std::max(largest, piece.size());
            });
          }) < kMost);
  REQUIRE(at == state.size());
  REQUIRE(largest <= kMib);
}

TEST_CASE("a reader says that its payload was removed or replaced, and gives out nothing damaged") {
  test::TemporaryDatabase db;
  test::Random random;
  INFO(random);
  const std::string state = random.bytes(3 * kMib);
  save(*db, "id", state);
  SECTION("removed or replaced") {
    auto reader = db->checkpoints().open("id").value();
    Bytes piece(1000);
    REQUIRE(reader.read(piece) == 1000);
    if (GENERATE(true, false)) {
      db->checkpoints().remove("id");
    } else {
      save(*db, "id", state);
    }
    piece.resize(state.size());
    const std::size_t more = reader.read(piece);
    REQUIRE(as_text(BytesView(piece).first(more)) == state.substr(1000, more));
    REQUIRE(more < 2 * kMib);
    const ErrorDetail error =
        test::require_error(ErrorCode::not_found, [&] { reader.read(piece); });
    REQUIRE(error.id == "id");
  }
  SECTION("damaged") {
    db.damage(
        "UPDATE chunk_data SET bytes = zeroblob(length(bytes)) WHERE chunk_key ="
        " (SELECT max(chunk_key) FROM chunk)");
    std::string read;
    const ErrorDetail error = test::require_error(ErrorCode::corrupt, [&] {
      db->checkpoints().read("id", [&](BytesView piece) { read += as_text(piece); });
    });
    REQUIRE(error.id == "id");
    REQUIRE(read.size() >= 2 * kMib);
    REQUIRE(state.starts_with(read));
    auto reader = db->checkpoints().open("id").value();
    Bytes piece(state.size());
    REQUIRE(reader.read(piece) == read.size());
    test::require_error(ErrorCode::corrupt, [&] { reader.read(piece); });
  }
}

}  // namespace holdfast
