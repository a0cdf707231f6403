/* The folder of --out. */
#pragma once
#include "tools/sweep_report.h"

/* Makes the folder, and those above it. */
enum rc folder_make(const char *path, struct err *e);

/* points.csv, the table, the configuration in full, pictures with their data and scripts; of
 * several cases the pictures lie in case-1, case-2 ... */
enum rc sweep_files(const struct config *c, struct sweep *const *s, size_t n,
                    const struct sweep_run_info *info, const char *dir, FILE *log, struct err *e);
