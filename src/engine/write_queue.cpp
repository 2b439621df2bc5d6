#include "engine/write_queue.hpp"

#include "defect.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace holdfast::engine {

namespace {

constexpr auto kLinger = std::chrono::microseconds(100);
constexpr std::size_t kMaxGroup = 512;

}  // namespace

SteadyTime deadline_after(std::int64_t timeout_ms) {
  constexpr std::int64_t kYearMs = std::int64_t{366} * 24 * 60 * 60 * 1000;
  return std::chrono::steady_clock::now() +
         std::chrono::milliseconds(std::min(timeout_ms, kYearMs));
}

WriteQueue::WriteQueue() {
  group_.reserve(kMaxGroup);
}

WriteQueue::Turn WriteQueue::enter(WriteWaiter& waiter) {
  {
    const std::scoped_lock lock(mutex_);
    append(waiter);
    if (waiter.state == WriteWaiter::State::leading) return Turn::lead;
  }
  if (!waiter.wake.wait_until(waiter.deadline)) {
    {
      const std::scoped_lock lock(mutex_);
      if (waiter.state == WriteWaiter::State::waiting) {
        remove(waiter);
        return Turn::timed_out;
      }
    }
    // What a leader has taken is under way: its outcome is waited for, whatever the time.
    waiter.wake.wait();
  }
  return waiter.state == WriteWaiter::State::done ? Turn::done : Turn::lead;
}

void WriteQueue::enqueue(const std::shared_ptr<WriteWaiter>& ticket) {
  const std::scoped_lock lock(mutex_);
  auto& last = last_ticket_of_[std::this_thread::get_id()];  // may throw, and nothing has happened
  last = ++tickets_enqueued_;
  tickets_under_way_.fetch_add(1, std::memory_order_relaxed);
  ticket->itself = ticket;
  append(*ticket);
}

bool WriteQueue::enter_for_tickets() {
  std::unique_lock lock(mutex_);
  committer_.wait(
      lock, [&] { return ticket_turn_ || (stopping_ && tickets_done_ == tickets_enqueued_); });
  return std::exchange(ticket_turn_, false);
}

void WriteQueue::stop() {
  const std::scoped_lock lock(mutex_);
  stopping_ = true;
  committer_.notify_all();
}

std::uint64_t WriteQueue::waiting() const {
  const std::scoped_lock lock(mutex_);
  return waiting_;
}

void WriteQueue::linger() {
  const auto until = std::chrono::steady_clock::now() + kLinger;
  for (;;) {
    {
      const std::scoped_lock lock(mutex_);
      const Candidates now = candidates();
      if (now.final || now.count >= under_way_last_) return;
    }
    if (std::chrono::steady_clock::now() >= until) return;
    std::this_thread::yield();
  }
}

Durability WriteQueue::group_durability() const {
  const std::scoped_lock lock(mutex_);
  return candidates().highest;
}

SteadyTime WriteQueue::front_deadline() const {
  const std::scoped_lock lock(mutex_);
  return front_->deadline;
}

const std::vector<WriteWaiter*>& WriteQueue::take_closed(Durability durability) noexcept {
  const std::scoped_lock lock(mutex_);
  assert(group_.empty());
  const auto now = std::chrono::steady_clock::now();
  for (std::size_t left = candidates().count; left > 0; --left) {
    WriteWaiter& waiter = *front_;
    if (waiter.durability > durability && !planted("group_has_level_of_its_first")) break;
    remove(waiter);
    waiter.state = WriteWaiter::State::taken;
    waiter.taken_at = now;
    group_.push_back(&waiter);
  }
  assert(!group_.empty());
  return group_;
}

void WriteQueue::finish() noexcept {
  {
    const std::scoped_lock lock(mutex_);
    under_way_last_ = std::min(group_.size() + candidates().count, kMaxGroup);
    for (WriteWaiter* waiter : group_)
      waiter->state = WriteWaiter::State::done;
  }
  // Once it is woken, a waiter with an owner is gone: only tickets stay.
  auto kept = group_.begin();
  for (WriteWaiter* waiter : group_) {
    if (waiter->kind == WriteWaiter::Kind::ticket) {
      *kept++ = waiter;
    } else {
      waiter->wake.post();
    }
  }
  group_.erase(kept, group_.end());
  if (group_.empty()) return;
  // A ticket's own state first: whoever drains tickets finds every one of them done.
  for (WriteWaiter* ticket : group_)
    ticket->on_done();
  {
    const std::scoped_lock lock(mutex_);
    tickets_done_ += group_.size();
    tickets_under_way_.fetch_sub(group_.size(), std::memory_order_release);
    if (tickets_done_ == tickets_enqueued_) last_ticket_of_.clear();
    tickets_.notify_all();
    if (stopping_) committer_.notify_all();
  }
  for (WriteWaiter* ticket : group_) {
    // Out of the ticket first: nobody else may have it any more.
    const auto last = std::exchange(ticket->itself, nullptr);
  }
  group_.clear();
}

void WriteQueue::take_front() noexcept {
  const std::scoped_lock lock(mutex_);
  assert(front_ != nullptr && !front_->closed());
  remove(*front_);
}

void WriteQueue::fail_front(std::exception_ptr error) noexcept {
  {
    const std::scoped_lock lock(mutex_);
    assert(group_.empty());
    WriteWaiter& waiter = *front_;
    waiter.error = std::move(error);
    remove(waiter);
    group_.push_back(&waiter);
  }
  finish();
}

void WriteQueue::leave() noexcept {
  WriteWaiter* next = nullptr;
  {
    const std::scoped_lock lock(mutex_);
    led_ = false;
    next = grant_next();
  }
  if (next != nullptr) next->wake.post();
}

void WriteQueue::wait_for_own_tickets() {
  // A thread sees its own additions: 0 means that none of its tickets is under way.
  if (tickets_under_way_.load(std::memory_order_acquire) == 0) return;
  std::unique_lock lock(mutex_);
  const auto own = last_ticket_of_.find(std::this_thread::get_id());
  if (own == last_ticket_of_.end()) return;
  const std::uint64_t last = own->second;
  tickets_.wait(lock, [&] { return tickets_done_ >= last; });
}

void WriteQueue::wait_for_tickets() {
  std::unique_lock lock(mutex_);
  const std::uint64_t last = tickets_enqueued_;
  tickets_.wait(lock, [&] { return tickets_done_ >= last; });
}

bool WriteQueue::wait_for_room(std::uint64_t limit, SteadyTime deadline) {
  std::unique_lock lock(mutex_);
  return tickets_.wait_until(
      lock, deadline, [&] { return tickets_enqueued_ - tickets_done_ < limit; });
}

WriteQueue::Candidates WriteQueue::candidates() const {
  Candidates found;
  for (const WriteWaiter* waiter = front_; waiter != nullptr; waiter = waiter->next) {
    found.final = !waiter->closed() || (waiter->alone && found.count > 0);
    if (found.final) return found;
    ++found.count;
    if (found.count == 1 || !planted("group_has_level_of_its_first"))
      found.highest = std::max(found.highest, waiter->durability);
    found.final = waiter->alone || found.count == kMaxGroup;
    if (found.final) return found;
  }
  return found;
}

void WriteQueue::append(WriteWaiter& waiter) noexcept {
  ++waiting_;
  waiter.previous = back_;
  (back_ != nullptr ? back_->next : front_) = &waiter;
  back_ = &waiter;
  // Nobody leads, so nobody stood before it: it leads without being woken.
  if (!led_) grant_next();
}

void WriteQueue::remove(WriteWaiter& waiter) noexcept {
  --waiting_;
  (waiter.previous != nullptr ? waiter.previous->next : front_) = waiter.next;
  (waiter.next != nullptr ? waiter.next->previous : back_) = waiter.previous;
  waiter.previous = nullptr;
  waiter.next = nullptr;
}

WriteWaiter* WriteQueue::grant_next() noexcept {
  if (front_ == nullptr) return nullptr;
  led_ = true;
  front_->state = WriteWaiter::State::leading;
  if (front_->kind != WriteWaiter::Kind::ticket) return front_;
  ticket_turn_ = true;
  committer_.notify_all();
  return nullptr;
}

}  // namespace holdfast::engine
