// WriteBack: how the buffer comes to be the state's, and how it reaches the file.
#include "state/write_back.hpp"

#include "defect.hpp"
#include "engine/arguments.hpp"
#include "holdfast/error.hpp"
#include "state/backend_edit.hpp"
#include "state/partition_row.hpp"

#include <algorithm>
#include <chrono>

namespace holdfast::state {

namespace {

using engine::Connection;

constexpr std::int64_t kYearMs = std::int64_t{366} * 24 * 60 * 60 * 1000;
// Keys that a transaction has written, to be forgotten one by one; beyond, all of them are.
constexpr std::size_t kMaxTouched = 100'000;

bool same_options(const StateOptions& a, const StateOptions& b) {
  return a.memory_budget_bytes == b.memory_budget_bytes && a.owner == b.owner &&
         a.lease_ms == b.lease_ms;
}

bool same_fence(const std::optional<Fence>& a, const std::optional<Fence>& b) {
  if (a.has_value() != b.has_value()) return false;
  return !a || (a->lease == b->lease && a->token == b->token);
}

void check_options(const StateOptions& options) {
  if (!options.owner.empty()) engine::check_id("owner", options.owner);
  if (options.lease_ms < 1 || options.lease_ms > kYearMs) {
    throw Error(ErrorCode::invalid_argument, "a lease runs for 1 ms to one year");
  }
}

}  // namespace

std::shared_ptr<WriteBack> open_write_back(const engine::Link& link,
                                           const std::string& name,
                                           const StateOptions& options) {
  check_options(options);
  if (link.in_transaction()) {
    throw Error(ErrorCode::invalid_argument,
                "a state is opened in write-back mode inside a transaction of this thread");
  }
  const auto companion = link.companion("state " + name, [&] {
    auto made = std::make_shared<WriteBack>(link.borrowed(), name, options);
    made->acquire();
    return made;
  });
  auto owner = std::static_pointer_cast<WriteBack>(companion);
  if (same_options(owner->options(), options) && same_fence(owner->fence(), link.fence()))
    return owner;
  throw Error(ErrorCode::conflict,
              "state " + name + " is open in write-back mode with other options",
              {.id = name});
}

void join(const std::shared_ptr<const Buffered>& buffered, Connection& db, Touch touch) {
  if (buffered) buffered->owner->join(db, touch);
}

std::int64_t token_of(const std::shared_ptr<const Buffered>& buffered) {
  return buffered ? buffered->owner->token() : 0;
}

WriteBack::WriteBack(std::shared_ptr<const engine::Link> link,
                     std::string name,
                     StateOptions options)
    : link_(std::move(link)),
      name_(std::move(name)),
      options_(std::move(options)),
      owner_{.holder = options_.owner.empty() ? link_->make_uuid().to_string() : options_.owner,
             .lease_ms = options_.lease_ms},
      buffer_(options_.memory_budget_bytes) {}

void WriteBack::acquire() {
  const std::int64_t now_us = link_->now_us();
  base_ = link_->write([&](Connection& db) {
    BackendRow row = find_or_make_backend(db, name_, now_us);
    state::acquire(db, row, owner_, now_us);
    return base_of(row);
  });
  owner_.token = base_.owner_token;
}

BufferedPartition& WriteBack::partition(const std::optional<PartitionKey>& key) {
  check_call();
  const Lock lock(mutex_);
  return buffer_.partition(key);
}

void WriteBack::flush() {
  std::size_t bytes = 0;
  {
    check_call();
    const SharedLock lock(mutex_);
    require_open();
    bytes = buffer_.change_bytes();
  }
  link_->write([&](Connection& db) { join(db, Touch::read); }, bytes);
}

void WriteBack::close() {
  check_call();
  link_->write([&](Connection& db) { release_in(db); });
}

void WriteBack::release_in(Connection& db) {
  join(db, Touch::write);
  BackendRow row = require_row(db);
  release(db, row, owner_);
}

// Whatever the transaction does, it is written to the file as it stands now: so the changes of before must
// be there, too, and a commit makes them durable.
void WriteBack::join(Connection& db, Touch touch) {
  {
    Lock lock(mutex_);
    require_open();
    if (held_ != Held::by_transaction) {
      wait_until_free(lock);
      db.enlist(shared_from_this());
      held_ = Held::by_transaction;
    }
    wrote_ = wrote_ || touch != Touch::read;
    forget_all_ = forget_all_ || touch == Touch::write_all;
    if (is_owner_ && !buffer_.has_changes()) return;
    buffer_.order();
  }
  // The buffer is ours until the end of the transaction: nobody changes it while it is read without the lock.
  BackendRow row = check_ownership(db);
  if (!buffer_.has_changes() || !base_.same_instant(base_of(row))) return;
  wrote_ = true;
  if (!planted("buffer_left_out_of_commit")) write_changes(db, std::move(row));
}

// Once in a transaction: nobody else can take the state while it lasts.
BackendRow WriteBack::check_ownership(Connection& db) {
  try {
    BackendRow row = require_row(db);
    if (!is_owner_) hold(db, row, owner_);
    is_owner_ = true;
    return row;
  } catch (const Error& error) {
    if (error.code() == ErrorCode::fenced) lose();
    throw;
  }
}

void WriteBack::lose() noexcept {
  {
    const Lock lock(mutex_);
    condition_ = Condition::fenced;
    buffer_.clear();
    versions_ = 0;
  }
  freed_.notify_all();
}

void WriteBack::write_changes(Connection& db, BackendRow row) {
  BackendEdit edit(db, std::move(row));
  buffer_.for_each_changed([&](const BufferedPartition& buffered, const auto& entries) {
    auto partition = find_partition(db, edit.row(), buffered.key());
    for (const BufferedEntry* entry : entries) {
      if (entry->present) {
        if (!partition) partition = edit.partition(buffered.key());
        edit.put(*partition, *entry->key, entry->value);
      } else if (partition) {
        edit.remove(*partition, *entry->key);
      }
    }
    if (partition) forget_if_empty(db, *partition);
  });
  edit.save(versions_);
}

void WriteBack::touch(BufferedPartition& partition, BytesView key) {
  const Lock lock(mutex_);
  if (forget_all_) return;
  if (touched_.size() >= kMaxTouched) {
    forget_all_ = true;
    return;
  }
  touched_.emplace_back(&partition, as_text(key));
}

// What stands in the head at the commit says whether there is anything of ours in it.
void WriteBack::before_commit(Connection& db) {
  if (!wrote_) return;
  const Base next = base_of(find_backend(db, name_));
  const Lock lock(mutex_);
  next_base_ = next;
  committing_ = !next.same_instant(base_) || next.owner_token != base_.owner_token;
  ++generation_;
}

void WriteBack::after_transaction(bool committed) noexcept {
  {
    const Lock lock(mutex_);
    if (!committed && planted("buffer_settled_by_rollback")) buffer_.settle();
    if (committed && committing_) {
      const bool gave_up = next_base_.owner_token != owner_.token;
      base_ = next_base_;
      versions_ = 0;
      buffer_.settle();
      for (const auto& [partition, key] : touched_)
        buffer_.forget(*partition, key);
      if (forget_all_ || gave_up) buffer_.clear();
      if (gave_up && condition_ == Condition::open) condition_ = Condition::closed;
    }
    held_ = Held::by_nobody;
    is_owner_ = wrote_ = committing_ = forget_all_ = false;
    touched_.clear();
    ++generation_;
  }
  freed_.notify_all();
}

void WriteBack::end() {
  bool lost = false;
  {
    const SharedLock lock(mutex_);
    if (condition_ != Condition::open) return;
    lost = buffer_.has_changes();
  }
  try {
    close();
  } catch (...) {
    lost = abandon() || lost;
    if (lost) throw;
  }
}

bool WriteBack::abandon() noexcept {
  bool lost = false;
  {
    const Lock lock(mutex_);
    lost = condition_ == Condition::open && buffer_.has_changes();
    if (condition_ == Condition::open) condition_ = Condition::closed;
    buffer_.clear();
    versions_ = 0;
  }
  freed_.notify_all();
  return lost;
}

bool WriteBack::has_ended() const {
  const SharedLock lock(mutex_);
  return condition_ != Condition::open;
}

WriteBack::Base WriteBack::base_of(const std::optional<BackendRow>& row) {
  if (!row) return {};
  return {.backend_key = row->backend_key,
          .version = row->version,
          .entry_count = row->entry_count,
          .size_bytes = row->size_bytes,
          .owner_token = row->owner_token};
}

void WriteBack::check_call() const {
  if (fork_mark_.in_child()) {
    throw Error(ErrorCode::forked,
                "this process inherited the database through fork(); only its parent may use it");
  }
  link_->wait_for_own_tickets();
}

void WriteBack::require_open() const {
  if (condition_ == Condition::open) return;
  if (condition_ == Condition::fenced) {
    throw Error(ErrorCode::fenced,
                "state " + name_ +
                    " was taken over by another owner, and the changes that had not "
                    "been flushed are lost",
                {.id = name_});
  }
  throw Error(ErrorCode::closed, "state " + name_ + " was closed");
}

void WriteBack::wait_until_free(Lock& lock) {
  if (held_ == Held::by_nobody) return;
  if (held_ == Held::by_update && updater_ == std::this_thread::get_id()) {
    throw Error(ErrorCode::invalid_argument,
                "a write to state " + name_ + " inside a function given to its update()");
  }
  const auto wait = std::chrono::milliseconds(std::min(link_->options().busy_timeout_ms, kYearMs));
  const auto deadline = std::chrono::steady_clock::now() + wait;
  const auto free = [&] { return held_ == Held::by_nobody || condition_ != Condition::open; };
  if (!freed_.wait_until(lock, deadline, free)) {
    throw Error(ErrorCode::busy, "the deadline passed while another thread held state " + name_);
  }
  require_open();
}

bool WriteBack::goes_with(const Base& seen) const {
  if (seen.same_instant(base_)) return true;
  if (committing_ && seen.same_instant(next_base_)) return false;
  throw Error(ErrorCode::fenced, "state " + name_ + " was written by another owner", {.id = name_});
}

BackendRow WriteBack::require_row(Connection& db) const {
  auto row = find_backend(db, name_);
  if (row) return *std::move(row);
  throw Error(ErrorCode::fenced, "state " + name_ + " was removed", {.id = name_});
}

}  // namespace holdfast::state
