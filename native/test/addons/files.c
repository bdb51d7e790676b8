/* An addon of Node that opens files itself. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

typedef struct env *Env;
typedef struct value *Value;
typedef Value (*Function)(Env, void *);

int napi_get_cb_info(Env, void *info, size_t *count, Value *arguments, Value *self, void **data);
int napi_get_value_string_utf8(Env, Value, char *into, size_t room, size_t *length);
int napi_create_string_utf8(Env, const char *from, size_t length, Value *made);
int napi_create_function(Env, const char *name, size_t length, Function, void *data, Value *made);
int napi_set_named_property(Env, Value object, const char *name, Value value);
int napi_throw_error(Env, const char *code, const char *message);

static char path[4096], text[4096];

static void strings(Env env, void *info) {
  Value given[2];
  size_t count = 2, length;
  path[0] = text[0] = 0;
  napi_get_cb_info(env, info, &count, given, NULL, NULL);
  napi_get_value_string_utf8(env, given[0], path, sizeof path, &length);
  if (count > 1) napi_get_value_string_utf8(env, given[1], text, sizeof text, &length);
}

static Value fail(Env env, const char *call) {
  perror(call);
  napi_throw_error(env, NULL, call);
  return NULL;
}

static Value write_file(Env env, void *info) {
  strings(env, info);
  FILE *file = fopen(path, "w");
  if (!file) return fail(env, "fopen");
  if (fputs(text, file) < 0) return fail(env, "fputs");
  if (fclose(file)) return fail(env, "fclose");
  return NULL;
}

static Value read_file(Env env, void *info) {
  strings(env, info);
  int fd = open(path, O_RDONLY);
  if (fd < 0) return fail(env, "open");
  ssize_t count = read(fd, text, sizeof text);
  if (count < 0 || close(fd)) return fail(env, "read");
  Value made = NULL;
  napi_create_string_utf8(env, text, count, &made);
  return made;
}

__attribute__((visibility("default"))) Value napi_register_module_v1(Env env, Value exports) {
  Value made;
  napi_create_function(env, "write", 5, write_file, NULL, &made);
  napi_set_named_property(env, exports, "write", made);
  napi_create_function(env, "read", 4, read_file, NULL, &made);
  napi_set_named_property(env, exports, "read", made);
  return exports;
}
