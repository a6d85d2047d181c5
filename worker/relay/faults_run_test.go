package relay

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sort"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	faultPairs = flag.Int("faults.pairs", 1500,
		"pairs of faults to try, drawn by chance; below zero: every pair there is")
	faultSeed  = flag.Uint64("faults.seed", 1, "what the pairs are drawn by")
	faultStory = flag.String("faults.story", "", "only the stories whose name holds this")
)

// play tells a story with faults at chosen steps and returns what is wrong at
// its end, together with the steps it had.
func play(t testing.TB, s *story, plan map[int]way) (findings, trace []string, v *visit) {
	v = newVisit(t, plan, s)
	s.tell(v)
	trace = v.trace
	findings = v.settleDown()
	return findings, trace, v
}

// Every step of every story fails in every way, and two steps of one story fail.
// A longer run: go test ./worker/relay -run WhateverFails -v -timeout 0 -args -faults.pairs 100000
func TestNothingIsLostDoubledOrWronglyShownAsPaidWhateverFails(t *testing.T) {
	var mu sync.Mutex
	wrong := map[string][]string{} // by finding: the plans
	singles, pairs, steps := 0, 0, 0
	try := func(s *story, plan map[int]way) (trace []string) {
		findings, trace, v := play(t, s, plan)
		if len(findings) > 0 {
			mu.Lock()
			defer mu.Unlock()
			for _, finding := range findings {
				wrong[s.name+": "+finding] = append(wrong[s.name+": "+finding], v.explain())
			}
		}
		return trace
	}

	type half struct {
		story *story
		n     int
		way   way
		trace []string
	}
	var halves []half
	for i := range stories {
		s := &stories[i]
		if !strings.Contains(s.name, *faultStory) {
			continue
		}
		base := try(s, nil)
		for n, kind := range base {
			for _, w := range waysOf(kind) {
				halves = append(halves, half{story: s, n: n, way: w})
			}
		}
		steps += len(base)
	}
	require.NotEmpty(t, halves)
	spread(len(halves), func(i int) {
		h := &halves[i]
		h.trace = try(h.story, map[int]way{h.n: h.way})
	})
	singles = len(halves)

	second := func(h *half, n int, w way) { try(h.story, map[int]way{h.n: h.way, n: w}) }
	if *faultPairs < 0 {
		spread(len(halves), func(i int) {
			h, done := &halves[i], 0
			for n := h.n + 1; n < len(h.trace); n++ {
				for _, w := range waysOf(h.trace[n]) {
					second(h, n, w)
					done++
				}
			}
			mu.Lock()
			defer mu.Unlock()
			pairs += done
		})
	} else {
		spread(*faultPairs, func(i int) {
			r := rand.New(rand.NewPCG(*faultSeed, uint64(i)))
			h := &halves[r.IntN(len(halves))]
			if h.n+1 >= len(h.trace) {
				return
			}
			n := h.n + 1 + r.IntN(len(h.trace)-h.n-1)
			ways := waysOf(h.trace[n])
			second(h, n, ways[r.IntN(len(ways))])
			mu.Lock()
			defer mu.Unlock()
			pairs++
		})
	}
	fmt.Printf("fault run: %d stories of %d steps, %d cases with one fault, %d with two\n", len(stories), steps, singles,
		pairs)

	var names []string
	for name := range wrong {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		plans := wrong[name]
		sort.Slice(plans, func(i, j int) bool { return len(plans[i]) < len(plans[j]) })
		t.Errorf("%s\n  in %d cases, such as\n    %s", name, len(plans), strings.Join(plans[:min(len(plans), 5)], "\n    "))
	}
}

// spread does n things on all processors.
func spread(n int, do func(i int)) {
	var all sync.WaitGroup
	work := make(chan int)
	for range runtime.GOMAXPROCS(0) {
		all.Go(func() {
			for i := range work {
				do(i)
			}
		})
	}
	for i := range n {
		work <- i
	}
	close(work)
	all.Wait()
}
