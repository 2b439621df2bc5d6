#include "engine/reader_pool.hpp"

#include "engine/statement.hpp"
#include "holdfast/error.hpp"

#include <utility>
#include <unistd.h>

namespace holdfast::engine {

namespace {

struct Statements {
  explicit Statements(Connection& c) : begin(c, "BEGIN"), end(c, "COMMIT") {}
  Statement begin;
  Statement end;
};

}  // namespace

ReaderPool::ReaderPool(ConnectionOptions options, std::size_t max_connections)
    : options_(std::move(options)), max_connections_(max_connections), process_(::getpid()) {}

ReaderPool::Transaction::Transaction(ReaderPool& pool, const char* what, SteadyTime deadline)
    : pool_(pool), what_(what), since_(std::chrono::steady_clock::now()) {
  connection_ = pool_.take(deadline);
  try {
    connection_->set_deadline(deadline);
    connection_->see_nothing();  // one call looks a name up once
    const std::scoped_lock lock(pool_.mutex_);
    place_ = pool_.active_.insert(pool_.active_.end(), this);
  } catch (...) {
    pool_.give_back(std::move(connection_));
    throw;
  }
  try {
    connection_->statements<Statements>().begin.execute();
  } catch (...) {
    connection_.reset();
    leave();
    throw;
  }
}

ReaderPool::Transaction::~Transaction() {
  if (::getpid() != pool_.process_) {
    // In a child of fork(): the connection is its parent's, and so is the transaction.
    static_cast<void>(connection_.release());
    return;
  }
  try {
    if (!connection_->autocommit()) connection_->statements<Statements>().end.execute();
  } catch (...) {
    connection_.reset();  // nothing to save on a reader: another one is opened when it is needed
  }
  leave();
}

void ReaderPool::Transaction::leave() noexcept {
  {
    const std::scoped_lock lock(pool_.mutex_);
    pool_.active_.erase(place_);
  }
  pool_.give_back(std::move(connection_));
}

std::vector<ActiveReader> ReaderPool::active() const {
  const auto now = std::chrono::steady_clock::now();
  const std::scoped_lock lock(mutex_);
  std::vector<ActiveReader> readers;
  for (const Transaction* transaction : active_) {
    const auto age =
        std::chrono::duration_cast<std::chrono::microseconds>(now - transaction->since_);
    readers.push_back({transaction->what_, age.count()});
  }
  return readers;
}

std::string ReaderPool::describe_oldest() const {
  const auto readers = active();
  if (readers.empty()) return "a reader of another process";
  return "a " + readers.front().what + " of " + std::to_string(readers.front().age_us / 1000) +
         " ms in this process";
}

void ReaderPool::close() {
  const std::scoped_lock lock(mutex_);
  open_ -= idle_.size();
  idle_.clear();
}

std::unique_ptr<Connection> ReaderPool::take(SteadyTime deadline) {
  {
    std::unique_lock lock(mutex_);
    const auto ready = [&] { return !idle_.empty() || open_ < max_connections_; };
    if (!returned_.wait_until(lock, deadline, ready)) {
      throw Error(ErrorCode::busy, "the deadline passed while waiting for a connection to read");
    }
    if (!idle_.empty()) {
      auto connection = std::move(idle_.back());
      idle_.pop_back();
      return connection;
    }
    idle_.reserve(open_ + 1);  // so that giving it back cannot fail
    ++open_;
  }
  try {
    return std::make_unique<Connection>(options_, Mode::read, deadline);
  } catch (...) {
    give_back(nullptr);
    throw;
  }
}

void ReaderPool::give_back(std::unique_ptr<Connection> connection) noexcept {
  {
    const std::scoped_lock lock(mutex_);
    if (connection) {
      idle_.push_back(std::move(connection));
    } else {
      --open_;
    }
  }
  returned_.notify_one();
}

}  // namespace holdfast::engine
