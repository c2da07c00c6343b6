// An AioContext as a source of GLib's main loop.
#include "core/glib_bridge.h"

#include <glib-unix.h>
#include <glib.h>

#include <algorithm>
#include <list>
#include <vector>

namespace fusebay {

namespace {

// GLib allocates it as plain memory.
struct LoopSource {
  GSource base;
  AioContext* loop;
  gpointer poll_tag;
};

AioContext& LoopOf(GSource* source) { return *reinterpret_cast<LoopSource*>(source)->loop; }

bool HasWork(const AioContext& loop) {
  const auto deadline = loop.next_deadline();
  return loop.has_ready() || (deadline.has_value() && *deadline <= loop.Now());
}

gboolean Prepare(GSource* source, gint* timeout_ms) {
  const AioContext& loop = LoopOf(source);
  *timeout_ms = -1;
  if (const auto deadline = loop.next_deadline()) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*deadline - loop.Now());
    *timeout_ms = static_cast<gint>(std::clamp<std::int64_t>(left.count(), 0, G_MAXINT));
  }
  return HasWork(loop) ? TRUE : FALSE;
}

gboolean Check(GSource* source) {
  const gpointer tag = reinterpret_cast<LoopSource*>(source)->poll_tag;
  const bool readable = g_source_query_unix_fd(source, tag) != 0;
  return readable || HasWork(LoopOf(source)) ? TRUE : FALSE;
}

gboolean Dispatch(GSource* source, GSourceFunc, gpointer) {
  LoopOf(source).RunOnce(false);
  return G_SOURCE_CONTINUE;
}

GSourceFuncs source_functions{&Prepare, &Check, &Dispatch, nullptr, nullptr, nullptr};

struct SignalHandler {
  AioContext& loop;
  std::function<void()> fn;
};

// GLib calls this between two turns of the loop; what handlers do belongs inside one.
gboolean CallSignalHandler(gpointer data) {
  const SignalHandler& handler = *static_cast<SignalHandler*>(data);
  handler.loop.Post([&handler] { handler.fn(); });
  return G_SOURCE_CONTINUE;
}

}  // namespace

struct GlibBridge::Impl {
  explicit Impl(AioContext& context) : loop(context) {}

  AioContext& loop;
  GMainLoop* main_loop = nullptr;
  GSource* source = nullptr;
  std::list<SignalHandler> handlers;
  std::vector<guint> signal_sources;
};

GlibBridge::GlibBridge(AioContext& loop) : impl_(std::make_unique<Impl>(loop)) {
  impl_->main_loop = g_main_loop_new(nullptr, FALSE);
  impl_->source = g_source_new(&source_functions, sizeof(LoopSource));
  auto* const source = reinterpret_cast<LoopSource*>(impl_->source);
  source->loop = &loop;
  source->poll_tag = g_source_add_unix_fd(impl_->source, loop.wait_fd(), G_IO_IN);
  g_source_attach(impl_->source, nullptr);
  // The engine begins to listen for wake-ups in its first turn.
  loop.RunOnce(false);
}

GlibBridge::~GlibBridge() {
  for (const guint id : impl_->signal_sources) {
    g_source_remove(id);
  }
  g_source_destroy(impl_->source);
  g_source_unref(impl_->source);
  g_main_loop_unref(impl_->main_loop);
}

void GlibBridge::Run() { g_main_loop_run(impl_->main_loop); }

void GlibBridge::Quit() { g_main_loop_quit(impl_->main_loop); }

void GlibBridge::OnSignal(int signal, std::function<void()> fn) {
  impl_->handlers.push_back(SignalHandler{impl_->loop, std::move(fn)});
  const guint id = g_unix_signal_add(signal, &CallSignalHandler, &impl_->handlers.back());
  FB_ASSERT(id != 0);
  impl_->signal_sources.push_back(id);
}

}  // namespace fusebay
