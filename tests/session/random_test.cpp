// Random operations beside a model, and several threads at once.
#include "support/random.hpp"

#include "session/entries_of.hpp"
#include "support/catch.hpp"
#include "support/content_chunks.hpp"
#include "support/require_error.hpp"
#include "support/temporary_database.hpp"

#include <algorithm>
#include <atomic>
#include <map>
#include <string>
#include <thread>
#include <vector>

namespace holdfast {

using test::require_error;
using test::Texts;
using test::texts_of;

namespace {

struct ModelSegment {
  std::string session;
  Texts entries;
  Texts trace;
  std::string metadata;
};

// Sessions and segments as they should be; creation order is the order of the vectors.
class Model {
 public:
  Model(Database& database, test::Random& random) : database_(database), random_(random) {}

  void step() {
    session_ = "s" + std::to_string(random_.below(4));
    segment_ = "g" + std::to_string(random_.below(10));
    switch (random_.below(10)) {
      case 0:
        return create();
      case 1:
        return truncate();
      case 2:
        return append_trace();
      case 3:
        return set_metadata();
      case 4:
        return remove();
      case 5:
        return read();
      case 6:
      case 7:
        return in_transaction();
      default:
        return append();
    }
  }

  void check() const {
    const SessionStore sessions = store();
    REQUIRE(paged([&](const RecencyListOptions& o) { return sessions.list_sessions(o); }) ==
            Texts(sessions_.rbegin(), sessions_.rend()));
    for (const std::string& session : sessions_) {
      Texts expected;
      for (const std::string& segment : order_) {
        if (segments_.at(segment).session == session) expected.insert(expected.begin(), segment);
      }
      REQUIRE(paged([&](const RecencyListOptions& o) {
                return sessions.list_segments(session, o);
              }) == expected);
    }
    for (const std::string& segment : order_)
      check_segment(segment);
  }

 private:
  SessionStore store() const { return database_.sessions(); }

  std::string entry() {
    switch (random_.below(12)) {
      case 0:
        return "\"" + std::string(60'000 + random_.below(80'000), 'x') + "\"";
      case 1:
        return R"({"kind":"segment_start","forked_from":{"segment_id":"g1"}})";
      default:
        return "{\"n\":" + std::to_string(random_.next()) + "}";
    }
  }

  ModelSegment* known() {
    const auto found = segments_.find(segment_);
    return found == segments_.end() ? nullptr : &found->second;
  }
  bool owned_by_another() { return known() != nullptr && known()->session != session_; }

  ModelSegment& made() {
    if (known() == nullptr) {
      segments_[segment_].session = session_;
      order_.push_back(segment_);
      if (std::find(sessions_.begin(), sessions_.end(), session_) == sessions_.end()) {
        sessions_.push_back(session_);
      }
    }
    return segments_[segment_];
  }

  // Runs a call that is a conflict for a segment of another session. False: it was.
  template <class Call>
  bool allowed(Call&& call) {
    if (!owned_by_another()) return true;
    require_error(ErrorCode::conflict, call);
    return false;
  }

  void append() {
    Texts entries;
    for (std::size_t n = random_.below(4); n > 0; --n)
      entries.push_back(entry());
    AppendOptions options;
    const std::uint64_t count = known() != nullptr ? known()->entries.size() : 0;
    if (random_.one_in(4)) options.expected_count = count + (random_.one_in(3) ? 1 : 0);
    const auto call = [&] { return store().append_all(session_, segment_, entries, options); };
    if (!allowed(call)) return;
    if (options.expected_count && *options.expected_count != count) {
      require_error(ErrorCode::conflict, call);
      return;
    }
    REQUIRE(call() == count + entries.size());
    Texts& expected = made().entries;
    expected.insert(expected.end(), entries.begin(), entries.end());
  }

  void create() {
    const Texts entries = {entry(), entry()};
    const auto call = [&] {
      store().create_segment(session_, segment_, entries, {.metadata = "{}"});
    };
    if (!allowed(call)) return;
    if (known() != nullptr) {
      require_error(ErrorCode::already_exists, call);
      return;
    }
    call();
    made().entries = entries;
    made().metadata = "{}";
  }

  void truncate() {
    const std::uint64_t count = random_.below(8);
    const auto call = [&] { return store().truncate(session_, segment_, count); };
    if (!allowed(call)) return;
    if (known() == nullptr) {
      require_error(ErrorCode::not_found, call);
    } else if (count > known()->entries.size()) {
      REQUIRE(require_error(ErrorCode::invalid_argument, call).actual == known()->entries.size());
    } else {
      REQUIRE(call() == known()->entries.size() - count);
      known()->entries.resize(count);
    }
  }

  void append_trace() {
    const std::string text = entry();
    const auto call = [&] { store().append_trace(session_, segment_, text); };
    if (!allowed(call)) return;
    if (known() == nullptr) {
      require_error(ErrorCode::not_found, call);
      return;
    }
    call();
    known()->trace.push_back(text);
  }

  void set_metadata() {
    const std::string metadata = random_.one_in(3) ? "" : std::to_string(random_.below(100));
    const auto call = [&] { store().set_metadata(session_, segment_, metadata); };
    if (!allowed(call)) return;
    if (known() == nullptr) {
      require_error(ErrorCode::not_found, call);
      return;
    }
    call();
    known()->metadata = metadata;
  }

  void forget(const std::string& segment) {
    segments_.erase(segment);
    order_.erase(std::find(order_.begin(), order_.end(), segment));
  }

  void remove() {
    if (random_.one_in(4)) return remove_session();
    const auto call = [&] { return store().remove_segment(session_, segment_); };
    if (!allowed(call)) return;
    const auto removed = call();
    REQUIRE(removed.has_value() == (known() != nullptr));
    if (!removed) return;
    REQUIRE(*removed == known()->entries.size());
    forget(segment_);
    const bool last = std::none_of(segments_.begin(), segments_.end(), [&](const auto& entry) {
      return entry.second.session == session_;
    });
    if (last) sessions_.erase(std::find(sessions_.begin(), sessions_.end(), session_));
  }

  void remove_session() {
    std::uint64_t segments = 0;
    std::uint64_t entries = 0;
    for (const std::string& segment : Texts(order_)) {
      if (segments_[segment].session != session_) continue;
      ++segments;
      entries += segments_[segment].entries.size();
      forget(segment);
    }
    if (segments > 0) sessions_.erase(std::find(sessions_.begin(), sessions_.end(), session_));
    const RemovedSession removed = store().remove_session(session_);
    REQUIRE(removed.segments == segments);
    REQUIRE(removed.entries == entries);
  }

  void read() {
    const std::uint64_t from = random_.below(6);
    const std::size_t limit = random_.below(6);
    const auto call = [&] { return texts_of(store().read(session_, segment_, from, limit)); };
    if (!allowed(call)) return;
    if (known() == nullptr) {
      require_error(ErrorCode::not_found, call);
      return;
    }
    const Texts& all = known()->entries;
    const auto begin = static_cast<std::ptrdiff_t>(std::min<std::size_t>(from, all.size()));
    const auto end = static_cast<std::ptrdiff_t>(std::min<std::size_t>(from + limit, all.size()));
    REQUIRE(call() == Texts(all.begin() + begin, all.begin() + std::max(begin, end)));
  }

  // Some steps together, kept or undone.
  void in_transaction() {
    if (in_transaction_) return append();
    const Model before = *this;
    in_transaction_ = true;
    const bool keep = random_.one_in(2);
    try {
      database_.transact([&] {
        for (int i = 0; i < 4; ++i)
          step();
        if (!keep) throw std::runtime_error("undo");
      });
    } catch (const std::runtime_error&) {
      if (keep) throw;
      segments_ = before.segments_;
      order_ = before.order_;
      sessions_ = before.sessions_;
    }
    in_transaction_ = false;
  }

  template <class List>
  Texts paged(List&& list) const {
    RecencyListOptions options;
    options.limit = 1 + random_.below(4);
    Texts all;
    for (Texts page = list(options); !page.empty(); page = list(options)) {
      all.insert(all.end(), page.begin(), page.end());
      options.after = page.back();
    }
    return all;
  }

  void check_segment(const std::string& segment) const {
    const ModelSegment& expected = segments_.at(segment);
    const SessionStore sessions = store();
    REQUIRE(texts_of(sessions.read_all(expected.session, segment)) == expected.entries);
    REQUIRE(texts_of(sessions.read_trace(expected.session, segment)) == expected.trace);
    const auto info = sessions.info(segment);
    REQUIRE(info->session == expected.session);
    REQUIRE(info->entry_count == expected.entries.size());
    REQUIRE(info->trace_count == expected.trace.size());
    REQUIRE(info->metadata == expected.metadata);
    std::uint64_t raw_bytes = 0;
    for (const std::string& entry : expected.entries)
      raw_bytes += entry.size();
    REQUIRE(info->raw_bytes == raw_bytes);
  }

  Database& database_;
  test::Random& random_;
  std::map<std::string, ModelSegment> segments_;
  Texts order_;
  Texts sessions_;
  std::string session_;
  std::string segment_;
  bool in_transaction_ = false;
};

}  // namespace

TEST_CASE("random operations leave what a model says, also after a reopen") {
  test::TemporaryDatabase db(GENERATE(test::Ground::file, test::Ground::memory),
                             {.durability = Durability::normal});
  test::Random random;
  INFO(random);
  Database& database = *db;
  Model model(database, random);
  for (int i = 0; i < 1500; ++i) {
    model.step();
    if (random.one_in(30)) model.check();
  }
  model.check();
  if (db.ground() != test::Ground::file) return;
  db.close();
  test::PlainSqlite sqlite(db.file());
  // Nothing is left behind: every node, entry and content belongs to something.
  REQUIRE(sqlite.integer(
              "SELECT count(*) FROM log_node WHERE node_key NOT IN"
              " (SELECT node_key FROM segment) AND node_key NOT IN"
              " (SELECT trace_node_key FROM segment WHERE trace_node_key IS NOT NULL)") == 0);
  REQUIRE(sqlite.integer("SELECT (SELECT count(*) FROM log_entry) ="
                         " (SELECT ifnull(sum(entry_count + trace_count), 0) FROM segment)") == 1);
  REQUIRE(sqlite.integer("SELECT count(*) FROM content WHERE content_key NOT IN"
                         " (SELECT content_key FROM log_entry WHERE content_key IS NOT NULL)") ==
          0);
  REQUIRE(sqlite.integer(test::kChunksAreCounted) == 1);
}

TEST_CASE("eight threads that append to one segment lose nothing and keep each one's order") {
  test::TemporaryDatabase db(GENERATE(test::Ground::file, test::Ground::memory));
  constexpr std::size_t kThreads = 8;
  constexpr std::size_t kEntries = 100;
  std::vector<std::vector<std::uint64_t>> counts(kThreads);
  {
    std::vector<std::jthread> threads;
    for (std::size_t t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        SessionStore sessions = db->sessions();
        for (std::size_t i = 0; i < kEntries; ++i) {
          const std::string entry = "[" + std::to_string(t) + "," + std::to_string(i) + "]";
          counts[t].push_back(sessions.append("s", "g", entry));
        }
      });
    }
  }
  const auto entries = db->sessions().read_all("s", "g");
  REQUIRE(entries.size() == kThreads * kEntries);
  // Each call returned the place of its own entry.
  for (std::size_t t = 0; t < kThreads; ++t) {
    REQUIRE(counts[t].size() == kEntries);
    REQUIRE(std::is_sorted(counts[t].begin(), counts[t].end()));
    for (std::size_t i = 0; i < kEntries; ++i) {
      REQUIRE(entries[counts[t][i] - 1].text() ==
              "[" + std::to_string(t) + "," + std::to_string(i) + "]");
    }
  }
}

TEST_CASE("of threads that expect the same count, one appends and the others are told") {
  test::TemporaryDatabase db(GENERATE(test::Ground::file, test::Ground::memory));
  constexpr std::size_t kThreads = 8;
  std::vector<std::uint64_t> appended(kThreads);
  {
    std::vector<std::jthread> threads;
    for (std::size_t t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        SessionStore sessions = db->sessions();
        for (std::uint64_t count = 0; count < 50; ++count) {
          try {
            sessions.append("s", "g", std::to_string(t), {.expected_count = count});
            ++appended[t];
          } catch (const Error& error) {
            if (error.code() != ErrorCode::conflict) throw;
          }
        }
      });
    }
  }
  std::vector<std::uint64_t> found(kThreads);
  for (const LogEntry& entry : db->sessions().read_all("s", "g")) {
    ++found[static_cast<std::size_t>(entry.text().front() - '0')];
  }
  REQUIRE(found == appended);
  REQUIRE(db->sessions().read_entry_count("s", "g") > 0);
}

TEST_CASE("readers see whole appends only, while others append, cut and remove") {
  test::TemporaryDatabase db(GENERATE(test::Ground::file, test::Ground::memory));
  db->sessions().append_all("s", "g", {"1", "2"});
  std::atomic<bool> stop = false;
  std::atomic<int> bad = 0;
  std::vector<std::jthread> readers;
  for (int t = 0; t < 2; ++t) {
    readers.emplace_back([&] {
      const SessionStore sessions = db->sessions();
      while (!stop) {
        try {
          if (sessions.read_all("s", "g").size() % 2 != 0) ++bad;
        } catch (const Error& error) {
          if (error.code() != ErrorCode::not_found) ++bad;
        }
      }
    });
  }
  SessionStore sessions = db->sessions();
  for (int i = 0; i < 60; ++i) {
    sessions.append_all("s", "g", {"1", "2"});
    if (i % 7 == 0) sessions.truncate("s", "g", 2);
    if (i % 11 == 0) sessions.remove_session("s");
  }
  stop = true;
  readers.clear();
  REQUIRE(bad == 0);
}

}  // namespace holdfast
