package dashboard

import (
	"time"

	"github.com/go-echarts/go-echarts/v2/charts"
	"github.com/go-echarts/go-echarts/v2/opts"

	"localrouter/db"
)

// graphMinutes is how far back the live graph looks.
const graphMinutes = 60

// graph is what the script draws: go-echarts builds the options, the script adds colours, hatch and the axis' words.
type graph struct {
	Metric  string         `json:"metric"`
	Title   string         `json:"title"`
	Unit    string         `json:"unit"`
	Total   string         `json:"total"`
	Axis    string         `json:"axis"`
	Option  map[string]any `json:"option"`
	Tips    []tip          `json:"tips"`
	Running int            `json:"running"` // index of the slot that is not over; -1: none
	Stopped [][2]int       `json:"stopped"` // first and last slot of each stretch without a gateway
	Table   string         `json:"table"`   // the same figures, for who cannot see the graph
}

// tip is the words of one slot.
type tip struct {
	When string      `json:"when"`
	Rows [][2]string `json:"rows"`
}

// graphOf reads the last hour by minutes.
func (d *Dashboard) graphOf(m *metric, recent []db.Entry) (*graph, error) {
	now := d.o.Now()
	from := now.Truncate(time.Minute).Add(-(graphMinutes - 1) * time.Minute)
	points, cells, err := d.series(from, time.Minute, recent)
	if err != nil {
		return nil, err
	}
	g := &graph{Metric: m.id, Title: m.label, Unit: "per minute, last hour", Axis: m.axis, Running: -1, Stopped: [][2]int{}}
	var sum figures
	times := make([]string, len(points))
	for i := range points {
		at := points[i].Time.In(now.Location())
		times[i] = at.Format("15:04")
		sum.Merge(&cells[i].Cell)
		sum.speeds = append(sum.speeds, cells[i].speeds...)
		if points[i].Running {
			g.Running = i
		}
		g.Tips = append(g.Tips, tipOf(m, at, &cells[i], points[i].Running))
	}
	g.Stopped = d.stoppedSlots(points, now)
	for _, span := range g.Stopped {
		for i := span[0]; i <= span[1]; i++ {
			g.Tips[i].Rows = append(g.Tips[i].Rows, [2]string{"Gateway", "stopped"})
		}
	}
	g.Total = totalOf(m, &sum)
	g.Option = m.option(times, cells)
	g.Table, err = d.render("graph-table", g)
	return g, err
}

// totalOf is the hour in one figure, with its unit.
func totalOf(m *metric, sum *figures) string {
	text, unit := figure(m, sum)
	if unit == "" {
		unit = m.unit
	}
	switch {
	case text == "–":
		return ""
	case unit != "":
		text += nbsp + unit
	}
	return text
}

// tipOf writes the words of a slot: the chosen figure first, then what explains it.
func tipOf(m *metric, at time.Time, c *figures, running bool) tip {
	t := tip{When: at.Format("15:04") + " to " + at.Add(time.Minute).Format("15:04")}
	if running {
		t.When += ", so far"
	}
	text := "none"
	if v, ok := m.value(c); ok {
		text = m.text(v)
		if m.axis == "speed" {
			text += nbsp + m.unit
		}
	}
	t.Rows = append(t.Rows, [2]string{m.label, text})
	if m.id != "requests" {
		t.Rows = append(t.Rows, [2]string{"Requests", formatCount(c.Requests)})
	}
	if n := c.ErrorCount(); n > 0 {
		t.Rows = append(t.Rows, [2]string{"Failed", formatCount(n)})
	}
	return t
}

// stoppedSlots lists the slots in which the gateway was closed from begin to end.
func (d *Dashboard) stoppedSlots(points []db.Point, now time.Time) [][2]int {
	out := [][2]int{}
	h, ok := d.o.Gateway.(History)
	if !ok || len(points) == 0 {
		return out
	}
	for _, s := range h.Stopped(points[0].Time, now) {
		first, last := -1, -1
		for i := range points {
			end := points[i].Time.Add(points[i].Step)
			if end.After(now) {
				end = now
			}
			if !points[i].Time.Before(s[0]) && !end.After(s[1]) {
				if first < 0 {
					first = i
				}
				last = i
			}
		}
		if first >= 0 {
			out = append(out, [2]int{first, last})
		}
	}
	return out
}

// option lets go-echarts build the chart. Its page renderers are never used: they put names into script text.
func (m *metric) option(times []string, cells []figures) map[string]any {
	look := charts.WithInitializationOpts(opts.Initialization{ChartID: "graph", Theme: "lr"})
	if !m.line {
		bar := charts.NewBar()
		bar.SetGlobalOptions(look, charts.WithLegendOpts(opts.Legend{Show: opts.Bool(false)}))
		data := make([]opts.BarData, len(cells))
		for i := range cells {
			v, _ := m.value(&cells[i])
			data[i] = opts.BarData{Value: v}
		}
		bar.SetXAxis(times).AddSeries(m.label, data)
		bar.Validate()
		return bar.JSON()
	}
	line := charts.NewLine()
	line.SetGlobalOptions(look, charts.WithLegendOpts(opts.Legend{Show: opts.Bool(false)}))
	data := make([]opts.LineData, len(cells))
	for i := range cells {
		data[i] = opts.LineData{Value: "-"} // how ECharts spells a gap
		if v, ok := m.value(&cells[i]); ok {
			data[i].Value = v
		}
	}
	step := ""
	if m.axis == "share" {
		step = "middle"
	}
	line.SetXAxis(times).AddSeries(m.label, data, charts.WithLineChartOpts(opts.LineChart{Step: step, ShowSymbol: opts.Bool(true)}))
	line.Validate()
	return line.JSON()
}
