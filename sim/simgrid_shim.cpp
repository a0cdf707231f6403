/* The only C++ file: what C cannot ask of SimGrid. Written for 3.32 and 4.1 (see ONE_OF).
 *
 * SimGrid has no list of resources for a transfer, only routes between hosts. So every flow gets
 * an ordered pair of hosts of its own in one zone with explicit routes, and the route is the list.
 */
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

#if SIMGRID_VERSION < 40000
static sg::NetZone *root_zone()
{
	return sg::create_full_zone("root");
}
static sg::Host *add_host(sg::NetZone *zone, const std::string &name)
{
	return zone->create_host(name, 1.0);
}
static sg::Link *add_link(sg::NetZone *zone, const std::string &name, double rate)
{
	return zone->create_link(name, rate);
}
static void add_route(sg::NetZone *zone, sg::Host *from, sg::Host *to,
                      const std::vector<sg::LinkInRoute> &links)
{
	zone->add_route(from->get_netpoint(), to->get_netpoint(), nullptr, nullptr, links, false);
}
template <class Function> static void on_completion(Function f)
{
	sg::Activity::on_completion_cb(f);
}
static void start(const sg::CommPtr &comm)
{
	comm->vetoable_start();
}
#else
static sg::NetZone *root_zone()
{
	return sg::Engine::get_instance()->get_netzone_root()->add_netzone_full("zone");
}
static sg::Host *add_host(sg::NetZone *zone, const std::string &name)
{
	return zone->add_host(name, 1.0);
}
static sg::Link *add_link(sg::NetZone *zone, const std::string &name, double rate)
{
	return zone->add_link(name, rate);
}
static void add_route(sg::NetZone *zone, sg::Host *from, sg::Host *to,
                      const std::vector<sg::LinkInRoute> &links)
{
	zone->add_route(from, to, links, false);
}
template <class Function> static void on_completion(Function f)
{
	sg::Comm::on_completion_cb(f);
}
static void start(const sg::CommPtr &comm)
{
	comm->start();
}
#endif

struct simgrid_shim {
	const simgrid_platform *platform;
	simgrid_events events;
	std::vector<sg::Host *> hosts;
	std::vector<sg::CommPtr> comms; /* kept to the end: freeing one in its callback is fatal */
	std::unordered_map<const void *, uint32_t> flow_of;

	sg::Host *source(uint32_t flow) const
	{
		return hosts[flow / (hosts.size() - 1)];
	}
	sg::Host *sink(uint32_t flow) const
	{
		size_t n = hosts.size() - 1, from = flow / n, to = flow % n;
		return hosts[to + (to >= from)]; /* any but the source */
	}
	void build();
};

void simgrid_shim::build()
{
	auto *zone = root_zone();
	std::vector<sg::Link *> links;
	for (uint32_t k = 0; k < platform->n_links; k++) {
		auto *link = add_link(zone, "l" + std::to_string(k), platform->capacity_per_s[k]);
		if (platform->latency_s)
			link->set_latency(platform->latency_s[k]);
		links.push_back(link->seal());
	}
	size_t n_hosts = 2;
	while (n_hosts * (n_hosts - 1) < platform->n_flows)
		n_hosts++;
	for (size_t k = 0; k < n_hosts; k++)
		hosts.push_back(add_host(zone, "h" + std::to_string(k))->seal());
	for (uint32_t k = 0; k < platform->n_flows; k++) {
		const simgrid_flow &flow = platform->flows[k];
		std::vector<sg::LinkInRoute> route;
		for (size_t l = 0; l < flow.n_links; l++)
			route.emplace_back(links[flow.links[l]]);
		add_route(zone, source(k), sink(k), route);
	}
	zone->seal();
	on_completion([this](const sg::Activity &a) {
		events.flow_ended(events.context, flow_of.at(&a));
	});
}

template <class Function> static void or_exit(Function f)
{
	try {
		f();
	} catch (const std::exception &x) {
		std::fprintf(stderr, "%s\n", x.what());
		std::fflush(stderr);
		std::_Exit(EXIT_FAILURE);
	}
}

simgrid_shim *simgrid_shim_open(const simgrid_platform *p, const simgrid_events *events)
{
	static char name[] = "epsim", *argv[] = {name, nullptr};
	static int argc = 1;
	auto *s = new simgrid_shim{p, *events, {}, {}, {}};
	or_exit([=] {
		auto *engine = new sg::Engine(&argc, argv);
		(void)engine;
		const std::string optimisation(p->optimisation);
		for (const std::string &option :
		     {std::string("network/model:CM02"), std::string("network/crosstraffic:0"),
		      "network/optim:" + optimisation, "cpu/optim:" + optimisation})
			sg::Engine::set_config(option);
		s->build();
	});
	return s;
}

void simgrid_shim_start(simgrid_shim *s, uint32_t flow)
{
	or_exit([=] {
		auto comm = sg::Comm::sendto_init(s->source(flow), s->sink(flow));
		comm->set_remaining(
		        s->platform->flows[flow].work_units); /* payloads are integers */
		s->flow_of[comm.get()] = flow;
		s->comms.push_back(comm);
		start(comm);
	});
}

void simgrid_shim_set_timer(simgrid_shim *s, double at_s, uint32_t what)
{
	or_exit([=] {
		simgrid::kernel::timer::Timer::set(
		        at_s, [=] { s->events.timer_ended(s->events.context, what); });
	});
}

double simgrid_shim_now()
{
	return sg::Engine::get_clock();
}

void simgrid_shim_run(simgrid_shim *)
{
	or_exit([] { sg::Engine::get_instance()->run(); });
}
