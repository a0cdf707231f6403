// What a report must hold in a browser; tests/report_page_test.c evaluates this file in the page and
// calls its functions. Each returns '' or what is wrong.
'use strict';
window.check = (() => {
	const all = (selector, root = document) => [...root.querySelectorAll(selector)];
	const one = (selector) => document.querySelector(selector);
	const data = () => JSON.parse(one('script.data').textContent);
	const wrong = (condition, text) => (condition ? text : '');
	const first = (texts) => texts.find((text) => text) || '';

	// ---- colours ----

	const channels = (colour) => (colour.match(/[\d.]+/g) || []).map(Number);
	const luminance = (colour) => {
		const [r, g, b] = channels(colour).map((v) => v / 255)
			.map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
		return 0.2126 * r + 0.7152 * g + 0.0722 * b;
	};
	// WCAG 2.2, contrast ratio.
	const contrast = (a, b) => {
		const [x, y] = [luminance(a), luminance(b)].sort((m, n) => n - m);
		return (x + 0.05) / (y + 0.05);
	};
	const backgroundOf = (element) => {
		for (let at = element; at; at = at.parentElement) {
			const colour = getComputedStyle(at).backgroundColor;
			if (channels(colour)[3] !== 0) return colour;
		}
		return 'rgb(255, 255, 255)';
	};
	const isShown = (element) => element.checkVisibility() && element.getClientRects().length > 0;

	const texts = () => {
		const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
		const found = [];
		while (walker.nextNode()) {
			const parent = walker.currentNode.parentElement;
			if (walker.currentNode.data.trim() && isShown(parent) &&
				!['SCRIPT', 'STYLE', 'OPTION', 'title', 'desc'].includes(parent.tagName)) found.push(parent);
		}
		return [...new Set(found)];
	};

	return {
		// Text 4.5 (3 where it is large), marks of pictures 3.
		contrast: () => {
			const paper = backgroundOf(document.body);
			let n = 0;
			for (const element of texts()) {
				const style = getComputedStyle(element);
				const size = parseFloat(style.fontSize);
				const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
				const colour = element instanceof SVGElement ? style.fill : style.color;
				const ratio = contrast(colour, backgroundOf(element));
				n++;
				if (!(ratio >= (large ? 3 : 4.5)))
					return `contrast ${ratio.toFixed(2)} of '${element.textContent.slice(0, 40)}' ${colour}`;
			}
			for (const element of all('svg use, svg path')) {
				const style = getComputedStyle(element);
				const colour = style.stroke !== 'none' ? style.stroke : style.fill;
				if (element.closest('defs') || /grid|within/.test(element.getAttribute('class')) ||
					!colour.startsWith('rgb')) continue;
				const ratio = contrast(colour, paper);
				if (contrast(colour, paper) === 1) continue; // drawn in the paper's colour, to part others
				n++;
				if (!(ratio >= 3)) return `contrast ${ratio.toFixed(2)} of a mark, ${colour}`;
			}
			return wrong(n < 200, `only ${n} elements had their contrast computed`);
		},

		scheme: (dark) => {
			const is = luminance(backgroundOf(document.body)) < 0.2;
			return wrong(is !== dark, `the page is ${is ? 'dark' : 'light'}`);
		},

		fits: () => {
			const { scrollWidth, clientWidth } = document.documentElement;
			return first([
				wrong(scrollWidth > clientWidth, `the page scrolls: ${scrollWidth} > ${clientWidth}`),
				...all('main *').filter((e) => isShown(e) && !e.closest('.scroll, pre'))
					.map((e) => [e, e.getBoundingClientRect()])
					.map(([e, r]) => wrong(r.right > clientWidth + 1 || r.left < -1,
						`${e.tagName} ${e.className} reaches from ${r.left} to ${r.right}`)),
			]);
		},

		accessible: () => {
			const ids = all('[id]').map((e) => e.id);
			const levels = all('h1, h2, h3').map((e) => Number(e.tagName[1]));
			return first([
				wrong(document.documentElement.lang !== 'en', 'no language'),
				wrong(!document.title, 'no title'),
				wrong(new Set(ids).size !== ids.length,
					`an id stands twice: ${ids.find((id, i) => ids.indexOf(id) !== i)}`),
				wrong(levels[0] !== 1 || levels.filter((v) => v === 1).length !== 1, 'not one h1'),
				...levels.map((v, i) => wrong(i > 0 && v > levels[i - 1] + 1, 'a level of headings is left out')),
				...all('table').map((t) => wrong(!t.caption || !t.caption.textContent, `${t.id}: no caption`)),
				...all('th').map((th) => wrong(!th.scope, `${th.textContent}: no scope`)),
				...all('input, select').map((e) => wrong(!e.labels.length, `${e.id}: no label`)),
				...all('input[type=range]').map((e) => wrong(!e.getAttribute('aria-valuetext'), `${e.id}: no words for its value`)),
				...all('main svg').map((svg) => wrong(
					svg.getAttribute('role') !== 'img' || !svg.getAttribute('aria-labelledby').split(' ')
						.every((id) => document.getElementById(id)?.textContent), `${svg.id}: no title and description`)),
				...all('[aria-labelledby]').map((e) => wrong(!e.getAttribute('aria-labelledby').split(' ')
					.every((id) => document.getElementById(id)), `${e.id}: names what is not there`)),
				...all('svg use').map((e) => wrong(!one(e.getAttribute('href')), `${e.getAttribute('href')}: no such part`)),
				...all('.scroll').map((e) => wrong(e.tabIndex !== 0 || !e.getAttribute('aria-label'), 'a part that scrolls has no name or focus')),
			]);
		},

		// Nothing names a place outside of the page.
		alone: () => first([
			...all('[src], [href]').map((e) => [e, e.getAttribute('src') || e.getAttribute('href')])
				.map(([e, to]) => wrong(!/^(#|data:,)/.test(to), `${e.tagName} leads to ${to}`)),
			wrong(all('script:not([type="application/json"])').length !== 1, 'more than one script'),
			wrong(/url\((?!["']?#)|@import/.test(one('style').textContent), 'the style names a file'),
			wrong(all('*').some((e) => e.getAttributeNames().some((name) => name.startsWith('on'))), 'an attribute is a script'),
		]),

		pictures: (n) => wrong(all('figure svg').length !== n, `${all('figure svg').length} pictures`),

		// ---- sorting ----

		sorted: (selector, column, direction) => {
			const table = one(selector);
			const heading = table.tHead.rows[0].cells[column];
			const values = [...table.tBodies[0].rows].map((row) => Number(row.cells[column].textContent.replaceAll(',', '')));
			const falls = values.some((v, i) => i > 0 && v < values[i - 1]);
			const rises = values.some((v, i) => i > 0 && v > values[i - 1]);
			return first([
				wrong(heading.getAttribute('aria-sort') !== direction, `aria-sort is ${heading.getAttribute('aria-sort')}`),
				wrong(table.querySelectorAll('[aria-sort]').length !== 1, 'two columns are said to be sorted'),
				wrong(values.length < 5 || !(falls || rises), 'nothing to sort'),
				wrong(direction === 'ascending' ? falls : rises, `not ${direction}: ${values.slice(0, 8)}`),
			]);
		},

		// Scrolls a heading's button into view and says where it is.
		place: (selector, column) => {
			const button = one(selector).tHead.rows[0].cells[column].querySelector('button');
			button.scrollIntoView({ block: 'center', inline: 'center', behavior: 'instant' });
			const r = button.getBoundingClientRect();
			return `${r.left + r.width / 2} ${r.top + r.height / 2}`;
		},
		focusHeading: (selector, column) => {
			const button = one(selector).tHead.rows[0].cells[column].querySelector('button');
			button.focus();
			return wrong(document.activeElement !== button, 'the heading takes no focus');
		},

		// ---- sliders ----

		focusSlider: (name) => {
			const input = one(`input[name="${name}"]`);
			input.focus();
			return wrong(document.activeElement !== input, 'the slider takes no focus');
		},

		// The page's words against a count of its data that shares nothing with its script.
		tried: () => {
			const { columns, order } = data();
			const value = (key, row) => {
				const c = columns.find((x) => x.key === key);
				return c.values[c.at[row]];
			};
			const keys = ['ttft_s', 'tpot_s', 'npus'];
			const limits = keys.map((key) => Number(one(`output[for="try-${key}"]`).dataset.value));
			const fits = order.filter((row) => keys.every((key, i) => value(key, row) <= limits[i]));
			const said = Number(check.count());
			let best = -1;
			for (const row of fits) {
				if (best < 0 || value('tokens_per_s_per_npu', row) > value('tokens_per_s_per_npu', best)) best = row;
			}
			return first([
				wrong(said !== fits.length, `${said} are said to fit, ${fits.length} do`),
				wrong(best >= 0 && !one('.found').textContent.includes(
					`tokens/s/NPU ${value('tokens_per_s_per_npu', best).toFixed(columns.find((c) => c.key === 'tokens_per_s_per_npu').digits)}`),
				`the best is not row ${best}: ${one('.found').textContent}`),
			]);
		},
		count: () => /^([\d,]+) of/.exec(one('.found').textContent)[1].replaceAll(',', ''),
		marked: () => all('svg .within').map((path) => path.getAttribute('d').split('M').length - 1).join(' '),

		// At the budgets that were asked, sliders say what the answer says.
		answer: () => {
			const [, feasible] = /^Yes\. ([\d,]+) of/.exec(one('.answer').textContent) || [];
			return first([
				wrong(check.count() !== (feasible || '').replaceAll(',', ''), `${check.count()} against '${feasible}'`),
				wrong(one('tr.best') && one('#front-table tbody tr').cells[0].textContent !== one('tr.best').cells[0].textContent,
					'another schedule is the best'),
			]);
		},

		listed: (which) => {
			const select = one('form.list select');
			select.value = which;
			select.dispatchEvent(new Event('change'));
			return /of ([\d,]+) rows/.exec(one('.shown').textContent)[1].replaceAll(',', '');
		},

		paper: () => first([
			wrong(isShown(one('form.list')), 'the list of schedules would be printed'),
			wrong(all('input[type=range]').some(isShown), 'sliders would be printed'),
			wrong(luminance(backgroundOf(document.body)) < 0.9, 'printed on dark'),
		]),

		harmless: (name) => first([
			wrong(window.pwned !== undefined, 'a name was run as a script'),
			wrong(one('h1').textContent !== name, `the heading is '${one('h1').textContent}'`),
			wrong(document.querySelector('main img, header img, i'), 'a name became markup'),
		]),
	};
})();
'ready';
