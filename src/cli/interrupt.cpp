#include "cli/interrupt.hpp"

#include <csignal>

namespace holdfast::cli {

namespace {

volatile std::sig_atomic_t signal_seen = 0;

extern "C" void note_signal(int) {
  signal_seen = 1;
}

void handle(int signal, void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  // Reset by the first one: whoever is impatient asks twice.
  action.sa_flags = SA_RESTART | static_cast<int>(SA_RESETHAND);
  sigaction(signal, &action, nullptr);
}

}  // namespace

Interrupt::Interrupt() {
  signal_seen = 0;
  handle(SIGINT, note_signal);
  handle(SIGTERM, note_signal);
}

Interrupt::~Interrupt() {
  handle(SIGINT, SIG_DFL);
  handle(SIGTERM, SIG_DFL);
}

bool Interrupt::raised() noexcept {
  return signal_seen != 0;
}

}  // namespace holdfast::cli
