// Script of a report: tables sort, sliders try other budgets over the schedules that the page holds.
// All data stand in the page; nothing is fetched. Without this script the page still has its answer,
// tables and pictures.
'use strict';
(() => {
	const SVG = 'http://www.w3.org/2000/svg';
	const ROWS = 25; // of the table of schedules at a time
	const STOPS = 120; // of a slider, at most

	const make = (name, text) => {
		const element = document.createElement(name);
		if (text !== undefined) element.textContent = text;
		return element;
	};

	// ---- sorting: a button in each heading ----

	const buttonsAdd = (table, sort) => {
		for (const [i, heading] of [...table.tHead.rows[0].cells].entries()) {
			const button = make('button', heading.textContent);
			button.type = 'button';
			heading.replaceChildren(button);
			button.addEventListener('click', () => {
				const falling = heading.getAttribute('aria-sort') === 'ascending';
				for (const other of table.tHead.rows[0].cells) other.removeAttribute('aria-sort');
				heading.setAttribute('aria-sort', falling ? 'descending' : 'ascending');
				sort(i, falling);
			});
		}
	};

	// Numbers by value, before texts; those of the same value stay as they were.
	const compare = (a, b) => {
		if (typeof a === 'number' && typeof b === 'number') return a - b;
		if (typeof a !== typeof b) return typeof a === 'number' ? -1 : 1;
		return a < b ? -1 : a > b ? 1 : 0;
	};

	const cellValue = (cell) =>
		cell.dataset.value === undefined ? cell.textContent : Number(cell.dataset.value);

	for (const table of document.querySelectorAll('table.sorts')) {
		const body = table.tBodies[0];
		buttonsAdd(table, (i, falling) => {
			const rows = [...body.rows].map((row) => [cellValue(row.cells[i]), row]);
			rows.sort((a, b) => (falling ? compare(b[0], a[0]) : compare(a[0], b[0])));
			body.append(...rows.map((row) => row[1]));
		});
	}

	// ---- the schedules of a case ----

	const read = (text) => {
		const data = JSON.parse(text);
		data.n = data.columns[0].at.length;
		data.column = Object.fromEntries(data.columns.map((c) => [c.key, c]));
		return data;
	};
	const valueAt = (column, row) => column.values[column.at[row]];
	const shown = (column, value) =>
		value === null ? '-'
			: column.number ? (value * column.scale).toFixed(column.digits) : value;
	const shownAt = (column, row) => shown(column, valueAt(column, row));

	// ---- sliders ----

	// Values of a column among the schedules that fit, thinned out, with the budget and the largest.
	const stopsOf = (data, key) => {
		const column = data.column[key];
		const found = new Set(data.order.map((row) => valueAt(column, row)));
		const all = [...found].sort((a, b) => a - b);
		const every = Math.ceil(all.length / STOPS);
		const stops = all.filter((_, i) => i % every === 0 || i === all.length - 1);
		if (data.budget[key] > 0 && !stops.includes(data.budget[key])) stops.push(data.budget[key]);
		return stops.sort((a, b) => a - b);
	};

	const KEYS = ['ttft_s', 'tpot_s', 'npus'];

	class Try {
		constructor(form, data) {
			this.form = form;
			this.data = data;
			this.listeners = [];
			this.sliders = KEYS.map((key) => {
				const input = form.querySelector(`input[name="${key}"]`);
				const stops = stopsOf(data, key);
				input.max = stops.length - 1;
				input.addEventListener('input', () => this.update());
				return { key, input, stops, output: form.querySelector(`output[for="${input.id}"]`) };
			});
			form.querySelector('.reset').addEventListener('click', () => this.reset());
			form.addEventListener('submit', (event) => event.preventDefault());
			form.hidden = false;
		}

		reset() {
			for (const { key, input, stops } of this.sliders) {
				const budget = this.data.budget[key];
				input.value = budget > 0 ? stops.indexOf(budget) : stops.length - 1;
			}
			this.update();
		}

		limits() {
			return Object.fromEntries(this.sliders.map(({ key, input, stops }) => [key, stops[input.value]]));
		}

		// Rows within all sliders, the best first.
		within() {
			const limits = this.limits();
			const tests = KEYS.map((key) => [this.data.column[key], limits[key]]);
			return this.data.order.filter((row) =>
				tests.every(([column, limit]) => valueAt(column, row) <= limit));
		}

		words(rows) {
			const { data } = this;
			const of = data.order.length.toLocaleString('en');
			const count = `${rows.length.toLocaleString('en')} of ${of} schedules that fit memory` +
				`${data.all ? '' : ' and are on this page'} are within these budgets`;
			if (rows.length === 0) return `${count}.`;
			const parts = data.columns.filter((c) => c.key !== 'row' && c.key !== 'verdict')
				.map((c) => `${c.title.replace(/ \(.*/, '')} ${shownAt(c, rows[0])}` +
					`${(/\((.*)\)/.exec(c.title) || ['', ''])[1].replace(/^/, ' ').trimEnd()}`);
			return `${count}. The best: ${parts.join(', ')}.`;
		}

		update() {
			const rows = this.within();
			for (const { key, input, stops, output } of this.sliders) {
				const column = this.data.column[key];
				const unit = (/\((.*)\)/.exec(column.title) || ['', ''])[1];
				const text = `${shown(column, stops[input.value])} ${unit}`.trim();
				output.textContent = text;
				output.dataset.value = stops[input.value];
				input.setAttribute('aria-valuetext', text);
			}
			this.form.querySelector('.found').textContent = this.words(rows);
			for (const listener of this.listeners) listener(rows, this.limits());
		}
	}

	// ---- pictures: what is within the sliders, and their lines ----

	const scaleOf = (svg, which, from, to) => {
		const [least, most] = [Number(svg.dataset[`${which}Least`]), Number(svg.dataset[`${which}Most`])];
		const log = svg.dataset[`${which}Log`] === '1';
		return (value) => from + (to - from) *
			(log ? Math.log(value / least) / Math.log(most / least) : (value - least) / (most - least));
	};

	const overlay = (svg, data) => {
		const [left, top, right, bottom] = svg.dataset.frame.split(' ').map(Number);
		const x = scaleOf(svg, 'x', left, right), y = scaleOf(svg, 'y', bottom, top);
		const [xs, ys] = [data.column[svg.dataset.x], data.column[svg.dataset.y]];
		const under = document.createElementNS(SVG, 'g'), over = document.createElementNS(SVG, 'g');
		svg.querySelector('desc').after(under);
		svg.append(over);
		const add = (layer, name, kind, attributes) => {
			const element = layer.appendChild(document.createElementNS(SVG, name));
			element.setAttribute('class', kind);
			for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
		};
		const clamp = (value, a, b) => Math.min(Math.max(value, Math.min(a, b)), Math.max(a, b));
		return (rows, limits) => {
			const places = new Set(rows.map((row) =>
				`${x(valueAt(xs, row)).toFixed(1)} ${y(valueAt(ys, row)).toFixed(1)}`));
			under.replaceChildren();
			over.replaceChildren();
			add(under, 'path', 'within', { d: [...places].map((place) => `M${place}h0`).join('') });
			if (limits[svg.dataset.x] !== undefined) {
				const at = clamp(x(limits[svg.dataset.x]), left, right);
				add(over, 'line', 'limit', { x1: at, x2: at, y1: top, y2: bottom });
			}
			if (limits[svg.dataset.y] !== undefined) {
				const at = clamp(y(limits[svg.dataset.y]), top, bottom);
				add(over, 'line', 'limit', { x1: left, x2: right, y1: at, y2: at });
			}
			if (rows.length > 0)
				add(over, 'circle', 'ring', { cx: x(valueAt(xs, rows[0])), cy: y(valueAt(ys, rows[0])), r: 7 });
		};
	};

	// ---- the table of schedules ----

	class List {
		constructor(form, data) {
			this.form = form;
			this.data = data;
			this.table = form.querySelector('table');
			this.limit = ROWS;
			this.within = data.order;
			this.best = -1;
			this.head();
			form.querySelector('select').addEventListener('change', () => this.choose());
			form.querySelector('.more').addEventListener('click', () => {
				this.limit += 10 * ROWS;
				this.fill();
			});
			form.addEventListener('submit', (event) => event.preventDefault());
			form.hidden = false;
		}

		head() {
			const row = this.table.tHead.appendChild(make('tr'));
			for (const column of this.data.columns) {
				const heading = row.appendChild(make('th', column.title));
				heading.scope = 'col';
				if (column.number) heading.className = 'n';
			}
			buttonsAdd(this.table, (i, falling) => {
				this.sorted = { column: this.data.columns[i], falling };
				this.limit = ROWS;
				this.fill();
			});
		}

		// Values of a column stand sorted, so their places compare as they do.
		sort(rows) {
			if (!this.sorted) return rows;
			const { column: { at }, falling } = this.sorted;
			return [...rows].sort((a, b) => (falling ? at[b] - at[a] : at[a] - at[b]) || a - b);
		}

		rows() {
			const { verdict } = this.data.column;
			const front = verdict.values.indexOf('on the front');
			const all = [...Array(this.data.n).keys()];
			switch (this.form.querySelector('select').value) {
			case 'all': return all;
			case 'front': return all.filter((row) => verdict.at[row] === front);
			default: return this.within;
			}
		}

		choose() {
			this.limit = ROWS;
			this.fill();
		}

		row(at) {
			const row = make('tr');
			for (const [i, column] of this.data.columns.entries()) {
				const cell = row.appendChild(make(i ? 'td' : 'th', shownAt(column, at)));
				if (i === 0) cell.scope = 'row';
				if (column.number) cell.className = 'n';
			}
			if (at === this.best) row.className = 'best';
			return row;
		}

		fill() {
			const rows = this.sort(this.rows());
			const some = rows.slice(0, this.limit);
			this.table.tBodies[0].replaceChildren(...some.map((at) => this.row(at)));
			this.form.querySelector('.shown').textContent =
				`${some.length.toLocaleString('en')} of ${rows.length.toLocaleString('en')} rows`;
			this.form.querySelector('.more').hidden = some.length === rows.length;
		}

		update(rows) {
			this.within = rows;
			this.best = rows.length > 0 ? rows[0] : -1;
			this.choose();
		}
	}

	// ---- all ----

	for (const script of document.querySelectorAll('script.data')) {
		const data = read(script.textContent);
		const of = `[data-case="${script.dataset.case}"]`;
		const list = new List(document.querySelector(`form.list${of}`), data);
		const tries = new Try(document.querySelector(`form.try${of}`), data);
		for (const svg of document.querySelectorAll(`svg${of}`)) tries.listeners.push(overlay(svg, data));
		tries.listeners.push((rows) => list.update(rows));
		tries.reset();
	}
})();
