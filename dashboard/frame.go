package dashboard

import (
	"strings"

	"localrouter/db/secret"
)

// statusView is the status card, which stands first on every page.
type statusView struct {
	Class, Shape, Word string
	On                 bool
	Second             string // address, or why it is as it is
	Copy               string // base URL; empty where there is none to copy
}

// words of the states, alike in tray, page and command line.
var stateWords = map[string]statusView{
	"running":  {Class: "ok", Shape: "ok", Word: "Running", On: true},
	"degraded": {Class: "warn", Shape: "warn", Word: "Degraded", On: true},
	"starting": {Class: "busy", Shape: "busy", Word: "Starting", On: true},
	"stopped":  {Class: "off", Shape: "off", Word: "Stopped"},
	"exposed":  {Class: "exposed", Shape: "exposed", Word: "Exposed", On: true},
	"error":    {Class: "err", Shape: "err", Word: "Error"},
}

func statusOf(s State) statusView {
	v, ok := stateWords[s.Status]
	if !ok {
		v = stateWords["error"]
	}
	v.Second = s.Detail
	if s.Detail == "" || s.Status == "running" || s.Status == "exposed" {
		v.Second, v.Copy = s.Address, baseURL(s)
	}
	return v
}

// baseURL is what an application is pointed at.
func baseURL(s State) string { return "http://" + s.Address + "/v1" }

// bannerView is something the person should know before anything else.
type bannerView struct {
	Class, Shape  string // warn or err
	Title, Detail string // what is, and what to do
	Act, Action   string // a button and its word; empty: none
	ID            string // what the button is for, where that is not clear
}

// banners lists what stands above the page, the worst first.
func (d *Dashboard) banners(s State) []bannerView {
	var list []bannerView
	add := func(class, title, detail string) *bannerView {
		list = append(list, bannerView{Class: class, Shape: class, Title: title, Detail: detail})
		return &list[len(list)-1]
	}
	if s.Status == "error" {
		add("err", "The gateway is not running", sentence(s.Detail, "It is tried again by itself."))
	}
	if v := d.o.Vault.State(); v.Status != secret.Ready {
		b := add("err", vaultTitle(v.Status), sentence(v.Detail, "Requests get 503 until then; nothing is lost."))
		b.Act, b.Action = "vault-retry", "Try again"
	}
	if s.Status == "exposed" {
		add("warn", "Other machines on this network can reach LocalRouter at "+s.Address,
			"Every request needs a key. To end it, set server.host to 127.0.0.1 in the settings file, or start without --host.").Shape = "exposed"
	}
	if err := d.o.Settings.Problem(); err != nil {
		add("warn", "The settings file cannot be used as it is", sentence(err.Error(), "Once it is corrected it counts within two seconds."))
	}
	if err := d.o.Recorder.Problem(); err != nil {
		detail := sentence(err.Error(), "Requests go on.")
		if n := d.o.Recorder.Dropped(); n > 0 {
			detail += " " + plural(int(n), "line") + " of the request log could not be written."
		}
		add("warn", "Figures cannot be written to the disk", detail)
	}
	list = append(list, d.moneyBanners()...)
	if d.o.Notices != nil {
		for _, n := range d.o.Notices() {
			add("warn", "Notice from the start", n)
		}
	}
	return list
}

func vaultTitle(status string) string {
	switch status {
	case secret.AbsentKey:
		return "The vault's master key is missing"
	case secret.WrongKey:
		return "The vault has another master key"
	case secret.Corrupt:
		return "The vault cannot be read"
	}
	return "The vault is locked"
}

// sentence puts a text of others, begun with a capital and ended with a full stop, before one of ours.
func sentence(text, then string) string {
	text = strings.TrimSpace(text)
	if text == "" {
		return then
	}
	if !strings.HasSuffix(text, ".") {
		text += "."
	}
	return strings.ToUpper(text[:1]) + text[1:] + " " + then
}

// frame renders what every page shows around its content, by the ids of the elements.
func (d *Dashboard) frame(s State, running int) (map[string]string, error) {
	out := map[string]string{}
	v := statusOf(s)
	for id, name := range map[string]string{"f-status": "status", "f-badge": "badge"} {
		text, err := d.render(name, v)
		if err != nil {
			return nil, err
		}
		out[id] = text
	}
	banners, err := d.render("banners", d.banners(s))
	if err != nil {
		return nil, err
	}
	out["f-banners"] = banners
	keys := 0
	for _, k := range d.o.Keys.List() {
		if !k.Internal {
			keys++
		}
	}
	out["f-count-keys"] = formatCount(int64(keys))
	out["f-count-overview"] = ""
	if running > 0 {
		out["f-count-overview"] = formatCount(int64(running)) + " running"
	}
	about, err := d.render("about", map[string]string{"Version": d.o.Version, "Up": formatUptime(d.o.Now().Sub(d.started))})
	out["f-about"] = about
	return out, err
}
