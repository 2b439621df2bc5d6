// What calls of the public API answered, one after the other, in words that can be compared.
//
// Shape    a call either answers or is refused; nothing but holdfast::Error is a refusal, and what else is
//          thrown goes through. Calls are numbered in order, also those that a `Choice` leaves out.
#pragma once

#include "holdfast/bytes.hpp"
#include "holdfast/error.hpp"

#include <concepts>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace holdfast::test {

struct Answer {
  std::size_t number = 0;
  std::string call = {};
  std::string text = {};                         // the answer, or the message of the refusal
  std::optional<ErrorCode> code = std::nullopt;  // it was refused
  bool reported = false;  // an answer that says itself that something is damaged

  bool operator==(const Answer& other) const {
    return text == other.text && code == other.code && reported == other.reported;
  }
};

class Answers {
 public:
  // Whether call number n is made, when so many were refused already; asked before each.
  using Choice = std::function<bool(std::size_t number, std::size_t refused)>;

  explicit Answers(Choice choice = nullptr) : choice_(std::move(choice)) {}

  // `ask` returns what `words` below know how to write.
  template <class Ask>
  void add(std::string call, const Ask& ask) {
    const std::size_t number = made_++;
    if (choice_ && !choice_(number, refused_)) return;
    Answer answer{.number = number, .call = std::move(call)};
    try {
      write(answer.text, ask());
    } catch (const Error& error) {
      answer.text = std::string(to_string(error.code())) + ": " + error.what();
      answer.code = error.code();
      ++refused_;
    }
    answer.reported = std::exchange(reported_, false);
    answers_.push_back(std::move(answer));
  }
  // Inside `ask`: the answer reports damage, and so it may differ.
  void report() { reported_ = true; }

  [[nodiscard]] const std::vector<Answer>& all() const { return answers_; }

 private:
  static void write(std::string& out, std::integral auto value) { out += std::to_string(value); }
  static void write(std::string& out, std::string_view value) {
    out += std::to_string(value.size());
    out += ':';
    out += value;
  }
  static void write(std::string& out, const std::string& value) {
    write(out, std::string_view(value));
  }
  static void write(std::string& out, const Bytes& value) { write(out, as_text(value)); }
  template <class Value>
  static void write(std::string& out, const std::optional<Value>& value) {
    if (!value) {
      out += "none";
      return;
    }
    write(out, *value);
  }
  template <class First, class Second>
  static void write(std::string& out, const std::pair<First, Second>& value) {
    write(out, value.first);
    out += '=';
    write(out, value.second);
  }
  template <class Value>
  static void write(std::string& out, const std::vector<Value>& values) {
    out += '[';
    for (const Value& value : values) {
      write(out, value);
      out += ' ';
    }
    out += ']';
  }

  Choice choice_;
  std::vector<Answer> answers_;
  std::size_t made_ = 0;
  std::size_t refused_ = 0;
  bool reported_ = false;
};

}  // namespace holdfast::test
