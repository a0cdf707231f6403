/* The only C++ file: what C cannot ask of SimGrid. Built with 3.32; the names of 4.x are below.
 *
 * SimGrid has no list of resources for a transfer, only routes between hosts. So every flow gets
 * an ordered pair of hosts of its own in a zone with explicit routes, and the route is the list. */
#include "sim/simgrid_shim.h"
#include <simgrid/kernel/Timer.hpp>
#include <simgrid/s4u.hpp>
#include <simgrid/version.h>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <unordered_map>
#include <vector>

namespace sg = simgrid::s4u;
using Route = std::vector<sg::LinkInRoute>;

#if SIMGRID_VERSION < 40000
#define ADD(what) create_##what
static sg::NetZone *root_zone(const sg::Engine &)
{
	return sg::create_full_zone("root");
}
static void add_route(sg::NetZone *zone, sg::Host *from, sg::Host *to, const Route &route)
{
	zone->add_route(from->get_netpoint(), to->get_netpoint(), nullptr, nullptr, route, false);
}
#else
#define ADD(what) add_##what
static sg::NetZone *root_zone(const sg::Engine &engine)
{
	return engine.get_netzone_root();
}
static void add_route(sg::NetZone *zone, sg::Host *from, sg::Host *to, const Route &route)
{
	zone->add_route(from, to, route, false);
}
#endif

struct simgrid_shim {
	const simgrid_platform *platform;
	simgrid_events events;
	sg::Engine *engine;
	std::vector<sg::Host *> hosts;
	std::vector<sg::CommPtr> comms; /* to the end: freeing one in its callback is fatal */
	std::unordered_map<const sg::Activity *, uint32_t> flow_of;
};

static sg::Host *source(const simgrid_shim *s, uint32_t flow)
{
	return s->hosts[flow / (s->hosts.size() - 1)];
}

static sg::Host *sink(const simgrid_shim *s, uint32_t flow)
{
	size_t others = s->hosts.size() - 1, from = flow / others, to = flow % others;
	return s->hosts[to < from ? to : to + 1];
}

/* Before there is a platform. Work left counts as none below the product of the precisions, of
 * which maxmin's is 1/100000; optimiser Full uses the other for nothing else. */
static void set_options(const std::string &optimiser)
{
	for (const char *option : {"network/model:CM02", "network/crosstraffic:0",
	                           "network/TCP-gamma:1e30", "cpu/optim:Full"})
		sg::Engine::set_config(option);
	sg::Engine::set_config("network/optim:" + optimiser);
	if (optimiser == "Full")
		sg::Engine::set_config("surf/precision:50000");
}

static void build_platform(simgrid_shim *s)
{
	const simgrid_platform *p = s->platform;
	auto *zone = root_zone(*s->engine);
	std::vector<sg::Link *> links;
	for (uint32_t k = 0; k < p->n_links; k++) {
		links.push_back(zone->ADD(link)("l" + std::to_string(k), p->capacity_per_s[k]));
		links[k]->set_latency(p->latency_s ? p->latency_s[k] : 0)->seal();
	}
	while (s->hosts.size() < 2 || s->hosts.size() * (s->hosts.size() - 1) < p->n_flows)
		s->hosts.push_back(
		        zone->ADD(host)("h" + std::to_string(s->hosts.size()), 1)->seal());
	for (uint32_t k = 0; k < p->n_flows; k++) {
		Route route;
		for (size_t l = 0; l < p->flows[k].n_links; l++)
			route.emplace_back(links[p->flows[k].links[l]]);
		add_route(zone, source(s, k), sink(s, k), route);
	}
	zone->seal();
}

template <class Function> static void or_exit(Function f)
{
	try {
		f();
	} catch (const std::exception &x) {
		std::fprintf(stderr, "%s\n", x.what());
		std::_Exit(EXIT_FAILURE);
	}
}

simgrid_shim *simgrid_shim_open(const simgrid_platform *p, const simgrid_events *events)
{
	static char name[] = "epsim", *arguments[] = {name, nullptr};
	static int n_arguments = 1;
	auto *s = new simgrid_shim{p, *events, nullptr, {}, {}, {}};
	or_exit([s, p] {
		s->engine = new sg::Engine(&n_arguments, arguments);
		set_options(p->optimiser);
		build_platform(s);
		sg::Comm::on_completion_cb([s](const sg::Activity &comm) {
			s->events.flow_ended(s->events.context, s->flow_of.at(&comm));
		});
	});
	return s;
}

void simgrid_shim_start(simgrid_shim *s, uint32_t flow)
{
	or_exit([s, flow] {
		auto comm = sg::Comm::sendto_init(source(s, flow), sink(s, flow));
		s->comms.push_back(comm);
		s->flow_of[comm.get()] = flow;
		comm->set_payload_size(s->platform->flows[flow].work_units)->start();
	});
}

void simgrid_shim_set_timer(simgrid_shim *s, double at_s, uint32_t what)
{
	auto ring = [s, what] { s->events.timer_ended(s->events.context, what); };
	or_exit([at_s, ring] { simgrid::kernel::timer::Timer::set(at_s, ring); });
}

double simgrid_shim_now_s(void)
{
	return sg::Engine::get_clock();
}

void simgrid_shim_run(simgrid_shim *s)
{
	or_exit([s] { s->engine->run(); });
}
