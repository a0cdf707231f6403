#include "tools/calibrate_report.h"
enum rc machine_write(const struct config *c, const struct calibrated *result, const char *command,
                      const char *path, struct err *e)
{ (void)c;(void)result;(void)command;(void)path; return fail(e,RC_INTERNAL,"todo"); }
