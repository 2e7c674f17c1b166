// Package scenarios holds the simulated caller's time lines and their reader.
//
// A scenario is a YAML file: who calls whom, what the caller does and when,
// and what must have come of it.
//
//	name: return                 # optional; equals the file's name
//	description: one line
//	from: "13800138001"          # calling number
//	to: "4008"                   # called number
//	language: zh-CN              # of the caller's lines
//	voice: f2                    # of the speech engine, where it has that voice
//	rate: 1                      # speaking rate, 0.25 to 4
//	timeout: 90s                 # of the whole call, from INVITE to its end
//	caller:                      # each item begins when the one before it has ended
//	  - wait: prompt_end         # the agent has spoken and been silent for 900 ms
//	    silence: 1500ms          # … or for as long as this
//	    timeout: 20s             # limit of this wait
//	  - say: 我要退货             # one utterance, spoken by the speech engine
//	  - play: cough.wav          # a WAV below the scenario's folder; say beside it gives its words
//	  - pause: 500ms
//	  - digits: "3378#"          # keypad
//	  - wait: prompt_start       # the agent has begun to speak
//	    after: 800ms             # so long after the wait's end
//	    say: 就是那个             # wait, after and one action may share an item
//	    interrupt: true          # the agent must be speaking, and stops
//	  - wait: hangup             # by the agent
//	  - hangup: true             # by the caller, who also hangs up after the last item
//	  - answers:                 # in place of the three above: to each thing the agent says
//	      - asked: [有什么可以帮您, 您可以说我要退货]  # what was asked, as it sounds; the likest counts
//	        say: [我要退货, 退货]  # in other words when it has to be said again
//	      - asked: 请稍等         # without say: listen on
//	      - {asked: 为您转人工, hangup: true}
//	expect:                      # each optional
//	  outcome: ticket_opened
//	  intent: return_request
//	  ticket: true               # exactly one; false: none
//	  ticket_kind: return        # of the tickets that there are
//	  order: "20261112003378"    # short for slots: {order: …}
//	  slots: {reason: wrong_size}
//	  handoff: local_queue       # or sip, any
//	  ended_by: agent            # or caller
//	  interrupted: true          # an agent turn of the record was cut
//	  answered_within: 3s        # from INVITE to 200
//	  first_prompt_within: 5s    # from INVITE to the agent's first sound
//	  turn_latency_p95: 3s       # from the caller's last sound to the agent's first
//	  said: [已经为您登记好了]     # parts of agent turns
//	  not_said: [没听明白]
//
// Calls change the shop that they are about: who cancels an order finds it
// cancelled the next time. The example shop is as it was when a service that
// seeds it starts again.
//
// A recogniser that plays a script finds it by the scenario's name, and hears
// the n-th "say" at the n-th end of speech. So each line is one utterance,
// without a pause in it; and what is played and long enough to be taken for
// speech needs its words in "say" beside "play".
//
// A caller with answers needs ears: it hears the agent through a recogniser,
// waits until the agent is silent as long as a prompt's end, gives the answer
// whose question it heard, and gives its last answer once more when it heard
// none of them, as people do who are not sure that they were understood. It
// stays until one of them hangs up. Nothing tells it what the agent meant to
// say. Such a call cannot be scripted.
package scenarios
