// Owners in one file: no id and no key reaches what belongs to another one. Each name is either refused, or it is a
// name of its own, byte for byte: a map from bytes to values says what must be there.
#include "engine/arguments.hpp"
#include "harness/scale.hpp"
#include "holdfast/database.hpp"
#include "holdfast/maintain.hpp"
#include "process/hostile_ids.hpp"
#include "support/catch.hpp"
#include "support/require_error.hpp"

#include <algorithm>
#include <iostream>
#include <map>
#include <optional>
#include <tuple>
#include <vector>

using namespace holdfast;
using test::HostileIds;
using test::Random;

namespace {

// Why an id is none, as the header of ids says. `nullopt`: it is one.
std::optional<ErrorCode> refusal_of(const std::string& id) {
  if (id.size() > kMaxIdBytes) return ErrorCode::too_large;
  const bool text = id.find('\0') == std::string::npos && engine::is_utf8(id);
  return id.empty() || !text ? std::optional(ErrorCode::invalid_argument) : std::nullopt;
}

// A place that names lead to: what stands there under a name, and what is put there.
class Place {
 public:
  Place() = default;
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  virtual ~Place() = default;

  [[nodiscard]] virtual std::optional<ErrorCode> refusal(const std::string& name) const {
    return refusal_of(name);
  }
  virtual std::optional<std::string> get(Database& db, const std::string& name) const = 0;
  virtual void put(Database& db, const std::string& name, const std::string& value) const = 0;
  virtual void remove(Database& db, const std::string& name) const = 0;
  // All names, in any order.
  virtual std::vector<std::string> list(Database& db) const = 0;

  void visit(Database& db, const std::string& name, const std::string& value) {
    if (const auto code = refusal(name)) {
      test::require_error(*code, [&] { put(db, name, value); });
      test::require_error(*code, [&] { get(db, name); });
      return;
    }
    check(db, name);
    put(db, name, value);
    known_[name] = value;
    check(db, name);
  }
  // Everything, and that there is nothing else.
  void check_all(Database& db) const {
    std::vector<std::string> names;
    for (const auto& [name, value] : known_) {
      check(db, name);
      names.push_back(name);
    }
    auto found = list(db);
    std::sort(found.begin(), found.end());
    REQUIRE(found == names);
  }
  void remove_some(Database& db, Random& random) {
    for (auto it = known_.begin(); it != known_.end();) {
      if (random.one_in(2)) {
        remove(db, it->first);
        it = known_.erase(it);
      } else {
        ++it;
      }
    }
  }
  [[nodiscard]] const std::map<std::string, std::string>& known() const { return known_; }

 private:
  void check(Database& db, const std::string& name) const {
    const auto it = known_.find(name);
    const auto expected = it == known_.end() ? std::nullopt : std::optional(it->second);
    CAPTURE(name);
    REQUIRE(get(db, name) == expected);
  }

  std::map<std::string, std::string> known_;
};

std::optional<std::string> text_of(const std::optional<Bytes>& bytes) {
  return bytes ? std::optional(std::string(as_text(*bytes))) : std::nullopt;
}

class Traces : public Place {
 public:
  std::optional<std::string> get(Database& db, const std::string& name) const override {
    const auto by_trace = db.checkpoints().load_latest(name);
    const auto by_id = db.checkpoints().load(name);
    REQUIRE(by_trace.has_value() == by_id.has_value());
    if (!by_trace) return std::nullopt;
    REQUIRE(by_trace->data == by_id->data);
    return std::string(as_text(by_trace->data));
  }
  void put(Database& db, const std::string& name, const std::string& value) const override {
    db.checkpoints().save(name, {.id = name, .data = to_bytes(value)});
  }
  void remove(Database& db, const std::string& name) const override {
    REQUIRE(db.checkpoints().remove_trace(name) == 1);
  }
  std::vector<std::string> list(Database& db) const override {
    return db.checkpoints().list_traces();
  }
};

class Segments : public Place {
 public:
  std::optional<std::string> get(Database& db, const std::string& name) const override {
    if (!db.sessions().exists(name, name)) return std::nullopt;
    return std::string(db.sessions().tail(name, name, 1).at(0).text());
  }
  void put(Database& db, const std::string& name, const std::string& value) const override {
    db.sessions().append(name, name, value);
  }
  void remove(Database& db, const std::string& name) const override {
    REQUIRE(db.sessions().remove_session(name).segments == 1);
  }
  std::vector<std::string> list(Database& db) const override {
    return db.sessions().list_sessions();
  }
};

class Pods : public Place {
 public:
  [[nodiscard]] std::optional<ErrorCode> refusal(const std::string& name) const override {
    if (const auto code = refusal_of(name)) return code;
    const bool path = name == "." || name == ".." || name.find('/') != std::string::npos;
    return path ? std::optional(ErrorCode::invalid_argument) : std::nullopt;
  }
  std::optional<std::string> get(Database& db, const std::string& name) const override {
    return db.sessions().pods().read_by_name(name);
  }
  void put(Database& db, const std::string& name, const std::string& value) const override {
    db.sessions().pods().write(name, value);
  }
  void remove(Database& db, const std::string& name) const override {
    REQUIRE(db.sessions().pods().remove_by_name(name));
  }
  std::vector<std::string> list(Database& db) const override {
    return db.sessions().pods().list_names();
  }
};

class Runs : public Place {
 public:
  std::optional<std::string> get(Database& db, const std::string& name) const override {
    const std::uint64_t head = db.runs().head(name);
    if (head == 0) return std::nullopt;
    return std::string(db.runs().scan(name, head).at(0).text());
  }
  void put(Database& db, const std::string& name, const std::string& value) const override {
    db.runs().append(name, {value});
  }
  void remove(Database& db, const std::string& name) const override {
    REQUIRE(db.runs().remove(name));
  }
  std::vector<std::string> list(Database& db) const override { return db.runs().list_runs(); }
};

class Streams : public Place {
 public:
  // The empty name is a stream's.
  [[nodiscard]] std::optional<ErrorCode> refusal(const std::string& name) const override {
    return name.empty() ? std::nullopt : refusal_of(name);
  }
  std::optional<std::string> get(Database& db, const std::string& name) const override {
    const auto newest = db.manifests(name).load_latest();
    if (!newest) return std::nullopt;
    return text_of(db.manifests(name).load_state_data(newest->checkpoint_id()));
  }
  void put(Database& db, const std::string& name, const std::string& value) const override {
    const std::uint64_t id = std::stoull(value) + 1;
    db.manifests(name).save_with_state(Manifest(id, id, id), value);
  }
  void remove(Database& db, const std::string& name) const override {
    REQUIRE(db.manifests(name).remove_all() >= 1);
  }
  std::vector<std::string> list(Database& db) const override {
    return db.manifests().list_streams();
  }
};

class States : public Place {
 public:
  std::optional<std::string> get(Database& db, const std::string& name) const override {
    return text_of(db.state(name).get("key"));
  }
  void put(Database& db, const std::string& name, const std::string& value) const override {
    db.state(name).put("key", value);
  }
  void remove(Database& db, const std::string& name) const override {
    REQUIRE(db.state(name).remove_all());
  }
  std::vector<std::string> list(Database& db) const override {
    std::vector<std::string> names = db.state("any").list_states();
    // The one that the other places of this test share.
    names.erase(std::remove(names.begin(), names.end(), "the shared state"), names.end());
    return names;
  }
};

class FlatKeys : public Place {
 public:
  [[nodiscard]] std::optional<ErrorCode> refusal(const std::string&) const override {
    return std::nullopt;
  }
  std::optional<std::string> get(Database& db, const std::string& name) const override {
    return text_of(db.state("the shared state").get(name));
  }
  void put(Database& db, const std::string& name, const std::string& value) const override {
    db.state("the shared state").put(name, value);
  }
  void remove(Database& db, const std::string& name) const override {
    REQUIRE(db.state("the shared state").remove(name));
  }
  std::vector<std::string> list(Database& db) const override {
    std::vector<std::string> keys;
    for (const StateEntry& entry : db.state("the shared state").range_scan(""))
      keys.emplace_back(as_text(entry.key));
    return keys;
  }
};

// The name is of the operator and of the key, of one partition or another.
class Partitions : public Place {
 public:
  std::optional<std::string> get(Database& db, const std::string& name) const override {
    return text_of(entries(db, name).get(name));
  }
  void put(Database& db, const std::string& name, const std::string& value) const override {
    entries(db, name).put(name, value);
  }
  void remove(Database& db, const std::string& name) const override {
    REQUIRE(entries(db, name).remove(name));
  }
  std::vector<std::string> list(Database& db) const override {
    std::vector<std::string> names;
    for (const PartitionKey& key : db.state("the shared state").list_partitions()) {
      const auto entries = db.state("the shared state").partition(key).range_scan("");
      REQUIRE(entries.size() == 1);
      REQUIRE(as_text(entries[0].key) == key.operator_id);
      names.push_back(key.operator_id);
    }
    return names;
  }

 private:
  static StatePartition entries(Database& db, const std::string& name) {
    const auto bytes = static_cast<std::uint32_t>(name.size());
    return db.state("the shared state").partition({name, bytes % 2, bytes % 3});
  }
};

class LeaseNames : public Place {
 public:
  // The value is the holder.
  std::optional<std::string> get(Database& db, const std::string& name) const override {
    const auto lease = db.leases().find(name);
    return lease ? std::optional(lease->holder) : std::nullopt;
  }
  void put(Database& db, const std::string& name, const std::string& value) const override {
    constexpr std::int64_t kLong = 10'000'000;
    // Another holder has to wait until it is given up.
    if (const auto held = db.leases().find(name)) db.leases().release(*held);
    const auto lease = db.leases().acquire(name, value, kLong);
    REQUIRE(lease);
  }
  void remove(Database& db, const std::string& name) const override {
    REQUIRE(db.leases().release(db.leases().find(name).value()));
  }
  std::vector<std::string> list(Database& db) const override {
    std::vector<std::string> names;
    for (const Lease& lease : db.leases().list())
      names.push_back(lease.name);
    return names;
  }
};

// Using what another one owns, by its own name.
void trespass(Database& db, const std::string& mine, const std::string& theirs) {
  auto sessions = db.sessions();
  auto checkpoints = db.checkpoints();
  const std::vector<std::function<void()>> attempts{
      [&] { sessions.append(mine, theirs, "{}"); },
      [&] { sessions.append_trace(mine, theirs, "{}"); },
      [&] { sessions.read_all(mine, theirs); },
      [&] { sessions.tail(mine, theirs, 1); },
      [&] { sessions.read_entry_count(mine, theirs); },
      [&] { sessions.truncate(mine, theirs, 0); },
      [&] { sessions.set_metadata(mine, theirs, "{}"); },
      [&] { sessions.remove_segment(mine, theirs); }};
  for (const auto& attempt : attempts)
    test::require_error(ErrorCode::conflict, attempt);
  REQUIRE_FALSE(sessions.exists(mine, theirs));
  test::require_error(ErrorCode::conflict,
                      [&] { checkpoints.save(mine, {.id = theirs, .data = to_bytes("stolen")}); });
}

}  // namespace

TEST_CASE("no id and no key reaches what belongs to another one") {
  Random random;
  INFO(random);
  HostileIds ids(random);
  Database db = Database::in_memory();
  Traces traces;
  Segments segments;
  Pods pods;
  Runs runs;
  Streams streams;
  States states;
  FlatKeys keys;
  Partitions partitions;
  LeaseNames leases;
  const std::vector<Place*> places{
      &traces, &segments, &pods, &runs, &streams, &states, &keys, &partitions, &leases};

  const std::size_t cases = test::scaled(100'000);
  constexpr std::size_t kTogether = 500;
  for (std::size_t done = 0; done < cases;) {
    db.transact([&] {
      for (std::size_t i = 0; i < kTogether && done < cases; ++i, ++done)
        places[done % places.size()]->visit(db, ids.next(), std::to_string(done));
    });
  }
  const auto& owners = segments.known();
  for (std::size_t i = 0; i < 200; ++i) {
    const auto mine =
        std::next(owners.begin(), static_cast<std::ptrdiff_t>(random.below(owners.size())));
    const auto theirs =
        std::next(owners.begin(), static_cast<std::ptrdiff_t>(random.below(owners.size())));
    if (mine == theirs || traces.known().count(theirs->first) == 0) continue;
    trespass(db, mine->first, theirs->first);
  }
  for (const Place* place : places)
    place->check_all(db);
  for (Place* place : places)
    db.transact([&] { place->remove_some(db, random); });
  for (const Place* place : places)
    place->check_all(db);
  REQUIRE(verify(db).sound());
  std::cout << cases << " hostile ids and keys, 0 violations\n";
}
