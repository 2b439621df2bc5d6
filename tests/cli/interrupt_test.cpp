#include "cli/interrupt.hpp"

#include "cli/progress_bar.hpp"
#include "support/catch.hpp"

#include <csignal>

using namespace holdfast::cli;

TEST_CASE(
    "a signal during long work makes its progress function say stop, and the process goes on") {
  const int signal = GENERATE(SIGINT, SIGTERM);
  {
    ProgressBar bar("work", true);
    const auto progress = bar.function();
    REQUIRE(progress(1, 10));
    REQUIRE(std::raise(signal) == 0);
    REQUIRE_FALSE(progress(2, 10));
    REQUIRE(Interrupt::raised());
  }
  // The next work begins anew.
  ProgressBar bar("more work", true);
  REQUIRE(bar.function()(0, 0));
}

TEST_CASE("after long work, and after a first signal, signals end the process as ever") {
  const auto disposition = [](int signal) {
    struct sigaction action {};
    REQUIRE(sigaction(signal, nullptr, &action) == 0);
    return action.sa_handler;
  };
  {
    const Interrupt interrupt;
    REQUIRE(disposition(SIGINT) != SIG_DFL);
    REQUIRE(std::raise(SIGINT) == 0);
    REQUIRE(disposition(SIGINT) == SIG_DFL);
    REQUIRE(disposition(SIGTERM) != SIG_DFL);
  }
  REQUIRE(disposition(SIGTERM) == SIG_DFL);
}
