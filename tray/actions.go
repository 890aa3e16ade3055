package tray

import (
	"fmt"
	"time"
)

// sameKeyTime guards the lines of keys: when a key is deleted, the others move
// up, and a click that was aimed at the old line must not turn off another key,
// nor choose another model.
const sameKeyTime = 700 * time.Millisecond

// click acts on a line. Greying is only paint on some hosts, which deliver the
// click all the same, so what the line says now decides.
func (t *tray) click(s *slot) {
	l := s.shown
	if l.hidden || !l.enabled || l.verb == nothing {
		return
	}
	if l.key != "" && time.Since(s.newKey) < sameKeyTime {
		return
	}
	if l.verb == quitApp {
		t.quitApp()
		t.stop()
		return
	}
	endpoint := Endpoint(t.state.Address)
	t.work.Go(func() {
		title, text := "", ""
		err := t.guarded(string(l.verb), func() { title, text = t.act(l, endpoint) })
		if err != nil {
			title, text = "LocalRouter could not do that", "The log says why."
			t.o.Log.Error("menu action failed", "action", string(l.verb), "cause", err)
		}
		if title != "" {
			t.tell(title, text)
		}
		select {
		case t.again <- struct{}{}:
		default:
		}
	})
}

// act does what a line asks for and returns the notice that follows, if any: a
// new key always, anything else only when it failed.
func (t *tray) act(l line, endpoint string) (title, text string) {
	var err error
	switch l.verb {
	case toggleGateway:
		title = "The gateway could not be stopped"
		if l.on {
			title = "The gateway could not be started"
		}
		err = t.app.SetRunning(l.on)
	case openDashboard:
		title = "The dashboard could not be opened"
		err = t.app.OpenDashboard()
	case openKey:
		title = "The dashboard could not be opened"
		err = t.app.OpenKey(l.key)
	case toggleKey:
		title = "The key could not be turned off"
		if l.on {
			title = "The key could not be turned on"
		}
		err = t.app.SetKeyEnabled(l.key, l.on)
	case chooseModel:
		title = "The model could not be chosen"
		err = t.app.Choose(l.key, l.choice)
	case toggleOffline:
		title = "Offline mode could not be ended"
		if l.on {
			title = "Offline mode could not be turned on"
		}
		err = t.app.SetOffline(l.on)
	case copyEndpoint:
		if err = t.copy(endpoint); err != nil {
			t.o.Log.Warn("clipboard failed", "cause", err)
			return "The clipboard could not be reached", "The address is " + endpoint
		}
	case newKey:
		return t.makeKey(endpoint)
	}
	if err == nil {
		return "", ""
	}
	t.o.Log.Warn("menu action failed", "action", string(l.verb), "cause", err)
	return title, oneLine(err.Error())
}

// makeKey makes a key and puts it on the clipboard. The secret is in no log and
// no notice.
func (t *tray) makeKey(endpoint string) (title, text string) {
	name, token, err := t.app.NewKey()
	if err != nil {
		t.o.Log.Warn("menu action failed", "action", string(newKey), "cause", err)
		return "No key was made", oneLine(err.Error())
	}
	err = t.copy(token)
	if err == nil {
		text = "Paste it into your application as the API key."
		if endpoint != "" {
			text += " The address is " + endpoint
		}
		return "Key " + name + " copied", text
	}
	t.o.Log.Warn("clipboard failed", "cause", err)
	title = "Key " + name + " was made but not copied"
	if shower, can := t.app.(KeyShower); can {
		if err = shower.ShowKey(name, token); err == nil {
			return title, "The clipboard could not be reached. The dashboard shows the key once."
		}
	} else if err = t.app.OpenDashboard(); err == nil {
		return title, "The clipboard could not be reached. Choose Regenerate on the Keys page of the dashboard to see a key."
	}
	t.o.Log.Warn("dashboard failed", "cause", err)
	return title, "Neither the clipboard nor the browser could be reached. Run: localrouter keys new NAME"
}

func (t *tray) copy(text string) error {
	return within(slowClipboard, func() error { return t.o.Copy(text) })
}

// tell shows a notice. It is a courtesy: a desktop without notices is no fault.
func (t *tray) tell(title, text string) {
	if err := within(slowNotice, func() error { return t.o.Notify(title, text) }); err != nil {
		t.o.Log.Debug("no desktop notice", "title", title, "cause", err)
	}
}

// quitApp tells the program once. It is not waited for beyond the usual bound:
// a program may well wait for Run in its Quit.
func (t *tray) quitApp() {
	t.quitting.Do(func() {
		t.work.Go(func() {
			if err := t.guarded("quit", t.app.Quit); err != nil {
				t.o.Log.Error("quit failed", "cause", err)
			}
		})
	})
}

// within runs do for at most the given time. What takes longer is left behind:
// the helpers behind clipboard and notices cannot be stopped from here.
func within(limit time.Duration, do func() error) error {
	result := make(chan error, 1)
	go func() {
		defer func() {
			if p := recover(); p != nil {
				result <- fmt.Errorf("%v", p)
			}
		}()
		result <- do()
	}()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case err := <-result:
		return err
	case <-timer.C:
		return fmt.Errorf("no answer within %v", limit)
	}
}
