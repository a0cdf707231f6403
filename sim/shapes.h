/* Published shapes: what papers say of the systems behind our flows, as ratios that a model must
 * reproduce without having seen their figures (who is faster, where it turns over, what saturates).
 * The claims, with their bounds and sources, are in configs/shapes/published.yaml; what we compute
 * for each is a row of shape_rows[]. */
#pragma once
#include "models/base/field.h"

/* A claim as its file states it. */
struct shape_claim {
	const char *system;    /* "TensorRT-LLM one-sided" */
	const char *claim;     /* in words */
	const char *published; /* figures in words */
	const char *source;
	double least_ratio, most_ratio; /* what passes */
	const char *why; /* why it does not pass, where that is known; "" when it should */
};

struct shape_row {
	const char *key; /* of the claim */
	/* Our value of it. */
	enum rc (*value)(double *out_ratio, struct err *e);
};

extern const struct shape_row shape_rows[]; /* ends with a row of NULLs */

enum verdict { VERDICT_HOLDS, VERDICT_EXPLAINED, VERDICT_FAILS, VERDICTS };

struct shape {
	const struct shape_row *row;
	struct shape_claim claim;
	double ratio;
	enum verdict verdict;
};

enum { MOST_SHAPES = 64 };

/* Every row, with its claim and its value; *n of them. Texts live in the arena. RC_CONFIG: the file
 * lacks a claim, or has one that no row computes. */
enum rc shapes_run(const char *path, struct arena *a, struct shape *out, size_t *n, struct err *e);

const char *verdict_name(enum verdict v);
