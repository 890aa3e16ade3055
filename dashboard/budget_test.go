package dashboard_test

import (
	"strings"
	"testing"

	"localrouter/db/settings"
	"localrouter/providers/llm"
	"localrouter/routing/limits"
)

// spend lets a request of a key be admitted and settled at a cost in cents; false where it was refused.
func (p *preview) spend(t testing.TB, key string, cents int64) bool {
	t.Helper()
	k := p.o.Keys.Get(p.keys[key].ID)
	of := limits.OfKey(k.ID, k.Name, k.Revision, k.Limits, k.Budget)
	cost := cents * int64(llm.USD) / 100
	amounts := limits.Amounts{1, 1, 1, 2, cost}
	ticket, _ := p.o.Limits.Admit(&limits.Claim{Expected: amounts, Least: amounts}, &of, p.o.Limits.Machine())
	ticket.Settle(amounts)
	return ticket != nil
}

func (p *preview) budgets(t testing.TB, machine int64, key string, day int64) {
	t.Helper()
	p.o.Limits.Apply(&settings.Settings{Budget: settings.Budget{Day: machine * int64(llm.USD)}})
	if err := p.o.Keys.SetBudget(p.keys[key].ID, settings.Budget{Day: day * int64(llm.USD)}); err != nil {
		t.Fatal(err)
	}
}

// TestBudgetsByTheAdminAPI: what was spent, of what, and the hour that is allowed once a day.
func TestBudgetsByTheAdminAPI(t *testing.T) {
	p := newPreview(t)
	p.fill(t)
	if status, out := p.admin(t, "GET", "/budget", ""); status != 200 || len(out["budgets"].([]any)) != 0 || out["month_usd"].(float64) <= out["today_usd"].(float64) || out["today_usd"].(float64) <= 0 {
		t.Fatalf("%d %v", status, out)
	}
	for body, code := range map[string]string{`{}`: "no_budget", `{"account":"` + p.keys["zed"].ID + `"}`: "no_budget"} {
		status, out := p.admin(t, "POST", "/budget/allow", body)
		if e, _ := out["error"].(map[string]any); status != 409 || e["code"] != code || e["next_step"] == "" {
			t.Errorf("%s: %d %v", body, status, out)
		}
	}
	if status, _ := p.admin(t, "POST", "/budget/allow", `{"account":"none"}`); status != 404 {
		t.Errorf("an unknown key: %d", status)
	}
	p.budgets(t, 20, "zed", 1)
	if !p.spend(t, "zed", 100) || p.spend(t, "zed", 1) {
		t.Fatal("the budget does not hold")
	}
	_, out := p.admin(t, "GET", "/status", "")
	notices := out["notices"].([]any)
	if len(notices) != 1 || !strings.Contains(notices[0].(string), "The key zed has no money left: The budget of $1 for today is used up") || !strings.Contains(notices[0].(string), "until 2026-11-25 00:00") {
		t.Errorf("the status says %q", notices)
	}
	status, out := p.admin(t, "POST", "/budget/allow", `{"account":"`+p.keys["zed"].ID+`"}`)
	if status != 200 || out["until"] != "2026-11-24T15:45:20Z" || !p.spend(t, "zed", 50) {
		t.Errorf("%d %v", status, out)
	}
	if status, out := p.admin(t, "POST", "/budget/allow", `{"account":"`+p.keys["zed"].ID+`"}`); status != 409 || !strings.Contains(out["error"].(map[string]any)["message"].(string), "zed was allowed its hour") {
		t.Errorf("a second hour: %d %v", status, out)
	}
	_, out = p.admin(t, "GET", "/budget", "")
	list := out["budgets"].([]any)
	machine, key := list[0].(map[string]any), list[1].(map[string]any)
	if machine["account"] != "machine" || machine["spent_usd"] != 1.5 || machine["of_usd"] != 20.0 || machine["allowed_until"] != nil ||
		key["name"] != "zed" || key["period"] != "day" || key["spent_usd"] != 1.5 || key["allowed_until"] == nil || key["allowed_today"] != true || key["until"] != "2026-11-25T00:00:00Z" {
		t.Errorf("%v", list)
	}
}

// TestABudgetThatIsUsedUpInABrowser: the page says so while it is open, and one click lets requests go on.
func TestABudgetThatIsUsedUpInABrowser(t *testing.T) {
	p := newPreview(t)
	p.fill(t)
	p.budgets(t, 5, "claude-code", 2)
	b := p.open(t)
	if eval[bool](b, `document.getElementById("f-banners").textContent.includes("money")`) {
		t.Error("told before anything was spent")
	}
	p.spend(t, "claude-code", 170)
	b.wait(`document.getElementById("f-banners").textContent.includes("The key claude-code has spent 80 % of its money")`)
	p.spend(t, "claude-code", 40)
	b.wait(`document.getElementById("f-banners").textContent.includes("The key claude-code has no money left")`)
	b.picture("overview-budget")
	b.click(`[data-act="budget-allow"]`)
	b.wait(`document.getElementById("f-banners").textContent.includes("because an hour more was allowed") && document.querySelector('[data-act="budget-allow"]') === null`)
	b.picture("overview-budget-allowed")
	if !p.spend(t, "claude-code", 250) {
		t.Error("refused within the hour")
	}
	b.wait(`document.getElementById("f-banners").textContent.includes("This machine has spent 80 % of its money")`)
}
