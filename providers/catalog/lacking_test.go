package catalog_test

import (
	"testing"

	"localrouter/providers/anthropic"
	"localrouter/providers/catalog"
	"localrouter/providers/llm"
	"localrouter/providers/openai"
)

// TestWhatModelsLackIsDecided: what any model of the tables lacks is dropped or approximated on purpose. Refusing, which is
// what a row says that nobody thought about, is right only where the answer would be worthless.
func TestWhatModelsLackIsDecided(t *testing.T) {
	refuse := map[string]llm.Set{
		"anthropic": 0,
		"openai": llm.SetOf(llm.FeatureTools, llm.FeatureImages, llm.FeatureImageURLs, llm.FeatureFiles, llm.FeatureFileIDs,
			llm.FeatureAudio, llm.FeatureSearch, llm.FeatureCustomTools, llm.FeatureStop, llm.FeatureBlankStop, llm.FeatureSchema),
	}
	refuse["openrouter"] = refuse["openai"]
	for kind, f := range map[string]*llm.Features{"anthropic": anthropic.Features(), "openai": openai.Features(), "openrouter": openai.Features()} {
		lacked := catalog.Lacked(kind)
		if lacked == 0 {
			t.Errorf("no model of %s lacks anything", kind)
		}
		for _, r := range f.Rows() {
			if lacked.Has(r.Feature) && (r.Class == llm.Mapped || r.Class == llm.Approximated) && r.Lacking == llm.Refused && !refuse[kind].Has(r.Feature) {
				t.Errorf("%s: a model lacks %s, and its row does not say what becomes of it", kind, r.Feature)
			}
		}
	}
}
