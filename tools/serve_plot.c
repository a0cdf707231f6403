#include "tools/serve_request.h"
enum rc serve_plot(struct serve_job *j, const char *dir, FILE *log, struct err *e)
{
	(void)j, (void)dir, (void)log;
	return fail(e, RC_NO, "not yet");
}
