// The sample as it was before anything happened to it: its bytes, what it answers, and which page each call
// needs. A call that never reads a page cannot notice what became of it, so only those that do are asked
// again: that is what makes a case cheap.
#pragma once

#include "rot/answers.hpp"
#include "rot/damage.hpp"
#include "rot/ground.hpp"
#include "rot/sample.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace holdfast::test {

// A damaged disk: what is read of the database file, once armed. And who reads what.
class DamagedReads : public vfs::Interceptor {
 public:
  vfs::Verdict before(const vfs::Call& call) override;
  int after(const vfs::Call& call, int result) override;

  const Damage* damage = nullptr;
  std::vector<bool>* pages_read = nullptr;
};

class SoundDatabase {
 public:
  SoundDatabase();

  [[nodiscard]] const Bytes& file() const { return image_.at(kDiskPath); }
  [[nodiscard]] std::size_t pages() const { return file().size() / kPageBytes; }
  // After each step; the last one is file().
  [[nodiscard]] const std::vector<Bytes>& history() const { return history_; }
  [[nodiscard]] const std::vector<Answer>& answers() const { return answers_; }
  // After write_more().
  [[nodiscard]] const std::vector<Answer>& later_answers() const { return later_answers_; }

  // Does opening read it?
  [[nodiscard]] bool opens_with(std::size_t page) const { return opening_[page]; }
  // Does that call, once the file is open?
  [[nodiscard]] bool needs(std::size_t call, std::size_t page) const { return needs_[call][page]; }
  // Where its tables and indexes begin.
  [[nodiscard]] const std::string& roots() const { return roots_; }

 private:
  void make();
  void find_needs();

  vfs::MemoryDisk::Image image_;
  std::vector<Bytes> history_;
  std::vector<Answer> answers_;
  std::vector<Answer> later_answers_;
  std::string roots_;
  std::vector<bool> opening_;
  std::vector<std::vector<bool>> needs_;
};

std::string roots_of(const Database& database);

// Drops every page that the database's reader has cached, but the first.
void forget_pages(const Database& database);

}  // namespace holdfast::test
