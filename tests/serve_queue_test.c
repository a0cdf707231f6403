/* ctest: 120 */
/* Serving against queueing theory: one server and many, exact laws and confidence intervals. */
#include <math.h>
#include <stdlib.h>
#include "models/base/rng.h"
#include "tests/serve_scene.h"
#include "tests/unit.h"

enum { N = 1000000 };

/* Exponential, mean 1. */
static double exponential(struct rng *r)
{
	return -log1p(-rng_uniform_ratio(r));
}

/* One request at a time, a step each, as long as its prompt: a queue of one server. */
static void one_server_init(struct serve_scene *s)
{
	serve_scene_init(s, &(struct linear_times){.token_s = 0x1p-10});
	s->spec.max_seqs = 1;
	s->spec.max_tokens = INT32_MAX;
}

static struct estimate mean_wait(const struct serve_scene *s)
{
	double *wait = malloc(s->list.n * sizeof *wait);
	struct estimate w;

	CU_ASSERT_PTR_NOT_NULL_FATAL(wait);
	for (size_t i = 0; i < s->list.n; i++)
		wait[i] = s->result.served[i].scheduled_s - s->list.at[i].arrival_s;
	w = batch_means(wait, s->list.n);
	free(wait);
	return w;
}

static void check_wait(const struct serve_scene *s, const char *law, double want_s)
{
	struct estimate w = mean_wait(s);

	printf("\n%s: mean wait %.4f s +- %.4f, theory %.4f ", law, w.mean_units, w.half_units,
	       want_s);
	CU_ASSERT_TRUE(fabs(w.mean_units - want_s) < w.half_units);
	CU_ASSERT_TRUE(w.half_units < 0.1 * want_s); /* or it would say nothing */
}

/* Service of exactly 1 s. Wq = rho s / (2 (1 - rho)). */
static void test_m_d_1(void)
{
	const double rho = 0.8;
	struct serve_scene s;

	one_server_init(&s);
	serve_scene_requests(&s, N, 1024, 1);
	serve_scene_poisson(&s, rho, 1);
	serve_scene_run(&s);
	check_wait(&s, "M/D/1", rho / (2 * (1 - rho)));
	serve_scene_fini(&s);
}

/* Prompts of random length; returns mean and mean square of the service times as they were drawn.
 */
static void random_prompts(struct serve_scene *s, double (*draw)(struct rng *r), double *mean_s,
                           double *square_s)
{
	struct rng r;

	rng_init(&r, 2, 7);
	*mean_s = *square_s = 0;
	for (size_t i = 0; i < N; i++) {
		int32_t tokens = (int32_t)ceil(0x1p14 * draw(&r));
		double service_s = tokens * 0x1p-14;

		serve_scene_requests(s, 1, tokens, 1);
		*mean_s += service_s / N, *square_s += service_s * service_s / N;
	}
}

static void one_server_random(struct serve_scene *s, double (*draw)(struct rng *r), double rho,
                              double *mean_s, double *square_s)
{
	one_server_init(s);
	step_times_free(s->setup.pool[0].times);
	s->setup.pool[0].times = linear_times_new(&(struct linear_times){.token_s = 0x1p-14});
	random_prompts(s, draw, mean_s, square_s);
	serve_scene_poisson(s, rho / *mean_s, 3);
	serve_scene_run(s);
}

/* Wq = rho s / (1 - rho). */
static void test_m_m_1(void)
{
	const double rho = 0.7;
	double mean_s, square_s;
	struct serve_scene s;

	one_server_random(&s, exponential, rho, &mean_s, &square_s);
	check_wait(&s, "M/M/1", rho * mean_s / (1 - rho));
	serve_scene_fini(&s);
}

/* Nine short ones for each long one: squared coefficient of variation far above 1. */
static double two_kinds(struct rng *r)
{
	return exponential(r) * (rng_uniform_ratio(r) < 0.9 ? 0.25 : 4);
}

/* Pollaczek-Khinchine: Wq = l E[S^2] / (2 (1 - rho)), with the moments of the very draw. */
static void test_m_g_1(void)
{
	const double rho = 0.5;
	double mean_s, square_s;
	struct serve_scene s;

	one_server_random(&s, two_kinds, rho, &mean_s, &square_s);
	check_wait(&s, "M/G/1", rho / mean_s * square_s / (2 * (1 - rho)));
	serve_scene_fini(&s);
}

/* A request leaves when the one before it has left and its own service is over. */
static void test_one_server_exactly(void)
{
	double mean_s, square_s, free_s = 0;
	struct serve_scene s;

	one_server_random(&s, two_kinds, 0.9, &mean_s, &square_s);
	for (size_t i = 0; i < N; i++) {
		double start_s = fmax(free_s, s.list.at[i].arrival_s);

		free_s = start_s + s.list.at[i].input * 0x1p-14;
		if (s.result.served[i].scheduled_s != start_s ||
		    s.result.served[i].last_s != free_s) {
			CU_FAIL("Lindley's recursion does not hold to the bit");
			break;
		}
	}
	/* work is conserved: all that was brought was done, and nothing else */
	CU_ASSERT_DOUBLE_EQUAL(s.result.busy_s, mean_s * N, 1e-9 * mean_s * N);
	serve_scene_fini(&s);
}

/* Erlang C: probability to wait with k servers and offered load a. */
static double erlang_c(int k, double a)
{
	double b = 1, rho = a / k; /* Erlang B by its recursion */

	for (int i = 1; i <= k; i++)
		b = a * b / (i + a * b);
	return b / (1 - rho * (1 - b));
}

/* k slots of a batch whose steps cost the same whatever is in them are k servers; a step is 1/2000
 * of the mean service. Requests start at a step's end, half a step late on average, and hold a slot
 * for whole steps. */
static void test_k_servers(void)
{
	enum { K = 8, MEAN = 2000 };
	const double rho = 0.8, step_s = 0x1p-8;
	double mean_s = 0;
	struct serve_scene s;
	struct rng r;

	serve_scene_init(&s, &(struct linear_times){.base_s = step_s});
	s.spec.max_seqs = K, s.spec.max_tokens = 1 << 20;
	rng_init(&r, 5, 1);
	for (size_t i = 0; i < N; i++) {
		int32_t output = (int32_t)ceil(MEAN * exponential(&r));

		serve_scene_requests(&s, 1, 1, output);
		mean_s += output * step_s / N;
	}
	serve_scene_poisson(&s, rho * K / mean_s, 6);
	serve_scene_run(&s);
	check_wait(&s, "M/M/8", erlang_c(K, rho * K) * mean_s / (K * (1 - rho)) + step_s / 2);
	serve_scene_fini(&s);
}

/* Time integral of requests present = sum of their times in the system, on any log. */
static void test_little(void)
{
	double mean_s, square_s, sum_s = 0;
	struct serve_scene s;

	one_server_random(&s, exponential, 0.9, &mean_s, &square_s);
	for (size_t i = 0; i < N; i++)
		sum_s += s.result.served[i].last_s - s.list.at[i].arrival_s;
	CU_ASSERT_DOUBLE_EQUAL(s.result.present_integral_s / sum_s, 1, 1e-12);
	sum_s = 0;
	for (size_t i = 0; i < N; i++)
		sum_s += s.result.served[i].scheduled_s - s.list.at[i].arrival_s;
	CU_ASSERT_DOUBLE_EQUAL(s.result.waiting.sum_units / sum_s, 1, 1e-12);
	serve_scene_fini(&s);
}

/* Student's 97.5 % points: 4.303 for two degrees of freedom, 2.262 for nine. */
static void test_intervals(void)
{
	const double three[] = {1, 2, 3}, ten[] = {0, 1, 0, 1, 0, 1, 0, 1, 0, 1};
	struct interval v = interval_of(three, 3);

	CU_ASSERT_DOUBLE_EQUAL(v.mean_units, 2, 1e-15);
	CU_ASSERT_DOUBLE_EQUAL(v.half_units, 4.303 / sqrt(3), 1e-3);
	v = interval_of(ten, 10);
	CU_ASSERT_DOUBLE_EQUAL(v.mean_units, 0.5, 1e-15);
	CU_ASSERT_DOUBLE_EQUAL(v.half_units, 2.262 * sqrt(2.5 / 9 / 10), 1e-3);
	CU_ASSERT_DOUBLE_EQUAL(percentile_units((const double[]){1, 2, 3, 4}, 4, 0.9), 3.7, 1e-15);
}

int main(void)
{
	static const struct unit_test tests[] = {
	        {"percentiles and intervals", test_intervals},
	        {"M/D/1", test_m_d_1},
	        {"M/M/1", test_m_m_1},
	        {"M/G/1, Pollaczek-Khinchine", test_m_g_1},
	        {"one server, request by request", test_one_server_exactly},
	        {"k servers, Erlang C", test_k_servers},
	        {"Little's law on the log", test_little},
	        {0},
	};

	return unit_main("serve_queue", tests);
}
