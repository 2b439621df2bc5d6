// The owner of a state in write-back mode: one per opening and state, shared by all handles.
//
// Outside of transactions it changes a ChangeBuffer and nothing else. A write transaction that touches the
// state *joins* it: the changes are written to the file, in that transaction and in key order, and from there
// on it works on the file like any other. So SQLite's own savepoints and rollbacks are the buffer's, and a
// commit is the buffer's, too. Whether the changes stand in the file (a savepoint may have taken them back) is
// seen in the head of the state, whose version moves with them, and is never remembered.
//
// From the join to the end of the transaction the buffer does not change: who would change it, waits.
// While COMMIT runs, a reader asks its snapshot which side of it it sees.
//
// Errors   closed, fenced, conflict (acquire), full (the budget), busy (waiting for a transaction)
// Threads  any. Order of locks: a connection, then mutex_; nobody waits for a connection with mutex_ held
// Source   docs/stores/state.md
#pragma once

#include "engine/companion.hpp"
#include "engine/connection.hpp"
#include "engine/fork_mark.hpp"
#include "engine/link.hpp"
#include "holdfast/state.hpp"
#include "state/backend_row.hpp"
#include "state/change_buffer.hpp"
#include "state/entry_row.hpp"
#include "state/key_range.hpp"
#include "state/merge.hpp"
#include "state/ownership.hpp"

#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace holdfast::state {

// What a transaction is about to do with the state.
enum class Touch : std::uint8_t { read, write, write_all };

// All changes at one instant, by partition.
struct Changes {
  std::optional<PartitionKey> partition = std::nullopt;
  std::vector<Change> entries = {};
};

class WriteBack final : public engine::Companion {
 public:
  WriteBack(std::shared_ptr<const engine::Link> link, std::string name, StateOptions options);

  // Once, before anything else.
  void acquire();
  const StateOptions& options() const { return options_; }
  const std::optional<Fence>& fence() const { return link_->fence(); }
  std::int64_t token() const { return owner_.token; }
  BufferedPartition& partition(const std::optional<PartitionKey>& key);

  // --- Outside of transactions ---
  std::optional<Bytes> get(BufferedPartition& partition, BytesView key);
  bool contains(BufferedPartition& partition, BytesView key);
  std::vector<std::optional<Bytes>> multi_get(BufferedPartition& partition,
                                              const PayloadList& keys);
  void put(BufferedPartition& partition, BytesView key, BytesView value);
  void put_batch(BufferedPartition& partition,
                 const std::vector<std::pair<BytesView, BytesView>>& entries);
  bool remove(BufferedPartition& partition, BytesView key);
  std::optional<Bytes> update(BufferedPartition& partition,
                              BytesView key,
                              const StateEntries::Updater& update);
  // The entries of a range through `sink`, which wants at most `limit`.
  void scan(BufferedPartition& partition,
            const KeyRange& range,
            bool reverse,
            std::size_t limit,
            const EntrySink& sink);
  StateStats stats();
  std::uint64_t version();
  void flush();
  void close();
  // Of the instant that `db`, a reader, sees; nothing if there are none that the file does not have.
  std::vector<Changes> all_changes(engine::Connection& db);

  // --- Inside a write transaction ---
  void join(engine::Connection& db, Touch touch);
  // The key is about to be written in it.
  void touch(BufferedPartition& partition, BytesView key);
  void release_in(engine::Connection& db);

  // engine::Companion
  void before_commit(engine::Connection& db) override;
  void after_transaction(bool committed) noexcept override;
  void end() override;
  bool abandon() noexcept override;
  bool has_ended() const override;

 private:
  using SharedLock = std::shared_lock<std::shared_mutex>;
  using Lock = std::unique_lock<std::shared_mutex>;

  enum class Condition : std::uint8_t { open, closed, fenced };
  enum class Held : std::uint8_t { by_nobody, by_transaction, by_update };

  // Of the file, as it was at the last commit.
  struct Base {
    std::int64_t backend_key = 0;
    std::int64_t version = 0;
    std::int64_t entry_count = 0;
    std::int64_t size_bytes = 0;
    std::int64_t owner_token = 0;
    bool same_instant(const Base& other) const {
      return backend_key == other.backend_key && version == other.version;
    }
  };
  // What nobody else may change meanwhile.
  class UpdateHold;

  static Base base_of(const std::optional<BackendRow>& row);
  void check_call() const;    // before any lock
  void require_open() const;  // with a lock
  void wait_until_free(Lock& lock);
  // Does the buffer go with what this reader sees? Else the reader sees the commit that is under way.
  bool goes_with(const Base& seen) const;
  BackendRow require_row(engine::Connection& db) const;
  BackendRow check_ownership(engine::Connection& db);
  void lose() noexcept;
  void write_changes(engine::Connection& db, BackendRow row);
  std::optional<Bytes> read_entry(BufferedPartition& partition, BytesView key);
  void learn_unknown(engine::Connection& db);
  void set_removed(BufferedPartition& partition,
                   BytesView key,
                   const std::optional<Bytes>& in_file);

  const std::shared_ptr<const engine::Link> link_;  // does not keep the opening
  const std::string name_;
  const StateOptions options_;
  const engine::ForkMark fork_mark_;
  Owner owner_;

  mutable std::shared_mutex mutex_;
  std::condition_variable_any freed_;
  Condition condition_ = Condition::open;
  Held held_ = Held::by_nobody;
  std::thread::id updater_;
  ChangeBuffer buffer_;
  std::int64_t versions_ = 0;  // that the changes are
  Base base_;

  // Of the transaction that has joined.
  bool is_owner_ = false;    // it was asked, in this transaction
  bool wrote_ = false;       // perhaps taken back since
  bool committing_ = false;  // and there is something to commit
  bool forget_all_ = false;
  Base next_base_;
  std::vector<std::pair<BufferedPartition*, std::string>> touched_;
  // Rises around each commit: what was read from the file before may not be kept after it.
  std::uint64_t generation_ = 0;
};

// What a handle in write-back mode holds.
struct Buffered {
  std::shared_ptr<WriteBack> owner;
  BufferedPartition* partition = nullptr;
};

// The owner of the state, made if this opening has none. conflict: it has one with other options, or
// somebody else owns the state.
std::shared_ptr<WriteBack> open_write_back(const engine::Link& link,
                                           const std::string& name,
                                           const StateOptions& options);

// For handles of either mode: what they do first in a write.
void join(const std::shared_ptr<const Buffered>& buffered, engine::Connection& db, Touch touch);
std::int64_t token_of(const std::shared_ptr<const Buffered>& buffered);

}  // namespace holdfast::state
