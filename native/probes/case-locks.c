/*
 * Tells for each call on a locked file whether the record lock is still held afterwards; or, with a
 * number, writes that many files while another thread keeps looking for writers of a locked one.
 */
#define PROBE_HAS_MAIN
#include "probe.h"
#include <utime.h>

static const char *path;
static char other[PATH_MAX];
static volatile int ended;

/* Whether another process is refused the lock. */
static int is_held(void) {
  pid_t child = fork();
  if (child == 0) {
    struct flock wanted = {.l_type = F_WRLCK};
    int fd = open(path, O_RDWR);
    _exit(fcntl(fd, F_SETLK, &wanted) < 0 && (errno == EAGAIN || errno == EACCES));
  }
  int status;
  CHECK("waitpid", waitpid(child, &status, 0) == child);
  return WIFEXITED(status) && WEXITSTATUS(status) == 1;
}

static int lock(int flags, int by_lockf) {
  int fd = open(path, flags);
  CHECK("open", fd >= 0);
  struct flock wanted = {.l_type = flags == O_RDONLY ? F_RDLCK : F_WRLCK};
  CHECK("lock", by_lockf ? lockf(fd, F_TLOCK, 0) == 0 : fcntl(fd, F_SETLK, &wanted) == 0);
  return fd;
}

static void map(int fd) {
  void *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  CHECK("mmap", memory != MAP_FAILED && munmap(memory, 4096) == 0);
}

#define TRY(call)                                                      \
  for (int kind = 0; kind < 3; kind++) {                               \
    int fd = lock(kind == 0 ? O_RDONLY : O_RDWR, kind == 2);           \
    call;                                                              \
    printf("%s %d: %s\n", #call, kind, is_held() ? "held" : "lost");   \
    fflush(stdout);                                                    \
    CHECK("close", close(fd) == 0);                                    \
  }

static void *look(void *nothing) {
  while (!ended) CHECK("chmod", chmod(path, 0644) == 0);
  return nothing;
}

static void write_files(int count) {
  int fd = lock(O_RDONLY, 0);
  pthread_t thread;
  CHECK("pthread_create", pthread_create(&thread, NULL, look, NULL) == 0);
  for (int number = 0; number < count; number++) {
    snprintf(other, sizeof other, "%s-%d", path, number);
    make_file(other);
  }
  ended = 1;
  CHECK("pthread_join", pthread_join(thread, NULL) == 0);
  CHECK("the lock", is_held() && close(fd) == 0);
}

int main(int argc, char **argv) {
  path = argv[1];
  make_file(path);
  if (argc > 2) {
    write_files(atoi(argv[2]));
    return 0;
  }
  snprintf(other, sizeof other, "%s-other", path);
  TRY(chmod(path, 0644))
  TRY(fchmod(fd, 0644))
  TRY(utime(path, NULL))
  TRY(futimens(fd, NULL))
  TRY((link(path, other), unlink(other)))
  TRY((rename(path, other), rename(other, path)))
  TRY(truncate(path, 3))
  TRY(kind == 0 ? (void)0 : map(fd))
  return 0;
}
