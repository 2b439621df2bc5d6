// One opening of a file: what Database::open made and its copies share, until close().
//
// Several openings of one file share its engine (open_files.hpp). A call counts as under way from its
// check that the opening is open, so that close() can wait for it.
//
// Two kinds of pointer lead to an opening. Handles *own* it: when the last of these goes, the opening
// ends. What waits in a ticket or a batch *borrows* it: that keeps the memory, not the opening. Else the
// last owner could be a ticket, whose thread would then have to wait for itself.
//
// Threads  any
#pragma once

#include "engine/companion.hpp"
#include "engine/engine.hpp"

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace holdfast::engine {

class Opening {
 public:
  // An owner.
  static std::shared_ptr<Opening> make(std::shared_ptr<Engine> engine);
  Opening(const Opening&) = delete;
  Opening& operator=(const Opening&) = delete;
  ~Opening() = default;

  std::shared_ptr<Opening> borrowed() const { return itself_.lock(); }

  // A call that is under way. The constructor throws closed or forked; calls made inside a transaction of
  // this thread are part of one that is under way, and go on while another thread waits in close().
  class Call {
   public:
    explicit Call(const Opening& opening);
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;
    ~Call() { opening_.leave(); }
    Engine& engine() const { return *opening_.engine_; }

   private:
    const Opening& opening_;
  };

  // Waits for the calls that are under way, also if another thread was first. Throws, once it has closed,
  // what the first companion could not write.
  void close();
  // As Link::companion says.
  std::shared_ptr<Companion> companion(const std::string& name,
                                       const std::function<std::shared_ptr<Companion>()>& make);
  Engine& engine() const { return *engine_; }

 private:
  explicit Opening(std::shared_ptr<Engine> engine) : engine_(std::move(engine)) {}

  void end() noexcept;
  std::exception_ptr end_companions();
  void abandon_companions();
  std::map<std::string, std::shared_ptr<Companion>> take_companions();
  void leave() const noexcept;
  void check_process() const;

  static constexpr std::uint64_t kClosed = std::uint64_t{1} << 63;

  std::shared_ptr<Engine> engine_;
  std::weak_ptr<Opening> itself_;
  // How many calls are under way, and kClosed: each call changes this one word. Closed until make()
  // is done: what it throws away was never counted in the table of open files.
  mutable std::atomic<std::uint64_t> calls_ = kClosed;
  std::mutex closing_;  // held by whoever closes, for as long as it takes
  mutable std::mutex mutex_;
  mutable std::condition_variable idle_;
  std::mutex making_;  // of companions, one at a time
  bool no_companions_ = false;
  std::map<std::string, std::shared_ptr<Companion>> companions_;
};

}  // namespace holdfast::engine
