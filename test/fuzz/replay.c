/* The main of a fuzz target in builds without libFuzzer: runs every file of the corpus directories
 * (or the single files) given through the target. A corpus that is not there or empty is a failure:
 * a test that ran nothing must not pass. */
#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "fuzz.h"

#define FILE_SIZE_MAX ((size_t)1 << 20)

/* Reads a file into memory of exactly its size; NULL with a message. */
static uint8_t *read_file(const char *path, size_t *ret_size)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        fprintf(stderr, "replay: %s: %s\n", path, strerror(errno));
        return NULL;
    }
    uint8_t *buffer = malloc(FILE_SIZE_MAX + 1);
    uint8_t *bytes = NULL;
    size_t size = buffer != NULL ? fread(buffer, 1, FILE_SIZE_MAX + 1, file) : 0;
    if (buffer == NULL)
        fprintf(stderr, "replay: %s: no memory\n", path);
    else if (ferror(file) != 0)
        fprintf(stderr, "replay: %s: cannot be read\n", path);
    else if (size > FILE_SIZE_MAX)
        fprintf(stderr, "replay: %s: larger than %zu bytes\n", path, FILE_SIZE_MAX);
    else
        bytes = fuzz_copy(gw_span_of(buffer, size));
    free(buffer);
    fclose(file);
    *ret_size = size;
    return bytes;
}

static bool replay_file(const char *path)
{
    size_t size;
    uint8_t *bytes = read_file(path, &size);
    if (bytes == NULL)
        return false;
    LLVMFuzzerTestOneInput(bytes, size);
    free(bytes);
    return true;
}

static int not_hidden(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* Returns how many inputs ran, -1 after a failure. */
static int replay_directory(const char *path)
{
    struct dirent **entries;
    int count = scandir(path, &entries, not_hidden, alphasort);
    if (count < 0) {
        fprintf(stderr, "replay: %s: %s\n", path, strerror(errno));
        return -1;
    }
    bool ok = true;
    for (int i = 0; i < count; i++) {
        char file[4096];
        int length = snprintf(file, sizeof(file), "%s/%s", path, entries[i]->d_name);
        ok = ok && length > 0 && (size_t)length < sizeof(file) && replay_file(file);
        free(entries[i]);
    }
    free(entries);
    return ok ? count : -1;
}

int main(int argc, char **argv)
{
    int inputs = 0;
    LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
    for (int i = 1; i < argc; i++) {
        struct stat info;
        int ran = -1;
        if (stat(argv[i], &info) == 0 && !S_ISDIR(info.st_mode))
            ran = replay_file(argv[i]) ? 1 : -1;
        else
            ran = replay_directory(argv[i]);
        if (ran < 0)
            return 1;
        inputs += ran;
    }
    printf("%s: %d inputs\n", argv[0], inputs);
    if (inputs == 0)
        fprintf(stderr, "replay: no inputs; usage: %s corpus-directory-or-file...\n", argv[0]);
    return inputs > 0 ? 0 : 1;
}
