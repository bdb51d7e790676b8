#include "probe.h"

int __xstat(int, const char *, struct stat *);
int __xstat64(int, const char *, struct stat64 *);
int __lxstat(int, const char *, struct stat *);
int __lxstat64(int, const char *, struct stat64 *);
int __fxstatat(int, int, const char *, struct stat *, int);
int __fxstatat64(int, int, const char *, struct stat64 *, int);

void produce(const char *path) { make_file(path); }

void consume(const char *path) {
  struct stat found = {0};
  CHECK("lstat", lstat(path, &found) == 0);
  CHECK("size", found.st_size == (off_t)strlen(text_of(path)) && S_ISREG(found.st_mode));
  show_file(path);
}
