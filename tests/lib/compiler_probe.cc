// Ends with 0 where the compiler translates a coroutine's conditional co_await correctly. Debian
// 12's g++ 12.2 does not, at any optimization level; the build runs this and refuses such a
// compiler.
#include <coroutine>

namespace {

struct Probe {
  struct promise_type {
    int value = -1;
    Probe get_return_object() { return {std::coroutine_handle<promise_type>::from_promise(*this)}; }
    std::suspend_always initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    void return_value(int v) { value = v; }
    void unhandled_exception() {}
  };
  std::coroutine_handle<promise_type> handle;
};

struct Yes {
  bool await_ready() { return true; }
  void await_suspend(std::coroutine_handle<>) {}
  bool await_resume() { return true; }
};

Probe OneIfYes() {
  if (co_await Yes{}) {
    co_return 1;
  }
  co_return 0;
}

}  // namespace

int main() {
  Probe probe = OneIfYes();
  probe.handle.resume();
  const int value = probe.handle.promise().value;
  probe.handle.destroy();
  return value == 1 ? 0 : 1;
}
