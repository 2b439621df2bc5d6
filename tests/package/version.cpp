// The installed headers and the library that is found at run time are of one version.
#include <holdfast/version.hpp>

#include <iostream>

int main() {
  if (holdfast::version() != HOLDFAST_VERSION) {
    std::cerr << "headers " << HOLDFAST_VERSION << ", library " << holdfast::version() << '\n';
    return 1;
  }
  return 0;
}
