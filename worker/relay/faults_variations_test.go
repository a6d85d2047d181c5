package relay

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"sort"
	"strings"
	"sync"
	"testing"

	"klarna-relay/worker/simulator"
)

var (
	variationFaults = flag.Int("variations.faults", 1500, "stories under another setting of the CRM in which "+
		"something fails, drawn by chance; below zero: every step of every story in every way")
	variationRaces = flag.Int("variations.races", 600, "races by chance under another setting of the CRM")
	variationName  = flag.String("variations.name", "", "only the settings whose name holds this")
)

// What the real CRM does is not known in many points. Under every answer of the simulator's that is possible, every
// story ends well when nothing fails, and whatever fails.
func TestNothingIsLostDoubledOrWronglyShownAsPaidWhateverTheCRMAnswers(t *testing.T) {
	wrong := newFindings()
	var told []story
	for _, variation := range variations() {
		for _, s := range stories {
			if !strings.Contains(s.name, *faultStory) {
				continue
			}
			s.name = variation.Name + ": " + s.name
			variation.Apply(&s.settings)
			told = append(told, s)
		}
	}
	traces := make([][]string, len(told))
	spread(len(told), func(i int) { traces[i] = wrong.play(t, &told[i], nil) })

	fails := func(i, n int, w way) { wrong.play(t, &told[i], map[int]way{n: w}) }
	total := *variationFaults
	if total < 0 {
		var mu sync.Mutex
		total = 0
		spread(len(told), func(i int) {
			done := 0
			for n, kind := range traces[i] {
				for _, w := range waysOf(kind) {
					fails(i, n, w)
					done++
				}
			}
			mu.Lock()
			defer mu.Unlock()
			total += done
		})
	} else {
		spread(total, func(draw int) {
			r := rand.New(rand.NewPCG(*faultSeed, uint64(draw)))
			i := r.IntN(len(told))
			n := r.IntN(len(traces[i]))
			ways := waysOf(traces[i][n])
			fails(i, n, ways[r.IntN(len(ways))])
		})
	}
	fmt.Printf("settings: %d stories under %d settings of the CRM, %d more cases with a fault\n", len(told),
		len(variations()), total)
	wrong.report(t)
}

// The races under the same settings, in orders of events by chance.
func TestNothingIsDoubledWhateverOrderThingsHappenInAndWhateverTheCRMAnswers(t *testing.T) {
	all := variations()
	wrong := newFindings()
	spread(*variationRaces, func(i int) {
		chance := rand.New(rand.NewPCG(*faultSeed, uint64(i)))
		variation, r := all[i%len(all)], races[chance.IntN(len(races))]
		variation.Apply(&r.settings)
		plan := map[int]way{}
		if chance.IntN(2) == 0 {
			plan[chance.IntN(30)] = way{drawn: 1 + chance.IntN(1000)}
		}
		findings, v := r.run(t, func(options int, _ bool) int { return chance.IntN(options) }, plan)
		wrong.add(variation.Name+": "+r.name, findings, fmt.Sprintf("draw %d (%s)", i, v.explain()))
	})
	fmt.Printf("races under other settings of the CRM: %d\n", *variationRaces)
	wrong.report(t)
}

func variations() (chosen []simulator.Variation) {
	for _, variation := range simulator.Variations() {
		if strings.Contains(variation.Name, *variationName) {
			chosen = append(chosen, variation)
		}
	}
	return chosen
}

// Findings are what is wrong, with the plans that show it.
type findings struct {
	mu    sync.Mutex
	plans map[string][]string
}

func newFindings() *findings { return &findings{plans: map[string][]string{}} }

func (f *findings) add(name string, found []string, plan string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, finding := range found {
		f.plans[name+": "+finding] = append(f.plans[name+": "+finding], plan)
	}
}

func (f *findings) play(t testing.TB, s *story, plan map[int]way) (trace []string) {
	found, trace, v := play(t, s, plan)
	f.add(s.name, found, v.explain())
	return trace
}

func (f *findings) report(t *testing.T) {
	var names []string
	for name := range f.plans {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		plans := f.plans[name]
		sort.Slice(plans, func(i, j int) bool { return len(plans[i]) < len(plans[j]) })
		t.Errorf("%s\n  in %d cases, such as\n    %s", name, len(plans), strings.Join(plans[:min(len(plans), 5)], "\n    "))
	}
}
