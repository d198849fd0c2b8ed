# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: 2026 The Roost authors
"""The checker of the crash test finds what is planted in a ledger, and nothing in a good one."""
import unittest

from crash_checker import Checker
from crash_ledger import Ledger


class Story:
    """Writes a ledger: one publisher `p`, one subscriber `s`, and what a test adds."""

    def __init__(self):
        self.ledger = Ledger()
        self.numbers = {}

    def add(self, *event):
        self.ledger.add(*event)
        return self

    def session(self, name="s#1", present=False, clean=False):
        return self.add("connect", name, clean).add("connack", name, present)

    def subscribed(self, text="t/#", qos=2, number=1, flags="", name="s#1"):
        return self.add("subscribe", name, text, qos, number, flags).add("suback", name, text, qos)

    def published(self, key, retain=0, resends=0, acked=True):
        _, qos, topic, _ = key.split(":")
        self.add("publish", key, topic, int(qos), retain)
        for _ in range(resends):
            self.add("resend", key)
        return self.add("ack", key) if acked else self

    def received(self, key, name="s#1", connection=1, qos=None, dup=False, retain=False, ids=(1,), again=False):
        qos = int(key.split(":")[1]) if qos is None else qos
        ids = None if ids is None else list(ids)
        return self.add("receive", name, connection, key, qos, dup, retain, ids, again)

    def rules(self):
        return sorted({rule for rule, _ in Checker(self.ledger).check()})


def key(sequence, qos=1, topic="t/a"):
    return f"p:{qos}:{topic}:{sequence}"


def begun():
    return Story().session().subscribed()


class Messages(unittest.TestCase):
    def test_a_good_ledger_has_no_violation(self):
        story = begun()
        for sequence in range(5):
            for qos in (1, 2):
                story.published(key(sequence, qos)).received(key(sequence, qos))
        self.assertEqual(story.rules(), [])

    def test_a_lost_message(self):
        self.assertEqual(begun().published(key(1)).rules(), ["loss"])
        self.assertEqual(begun().published(key(1)).published(key(2)).received(key(2)).rules(), ["loss"])

    def test_a_message_that_was_never_acknowledged(self):
        self.assertEqual(begun().published(key(1), acked=False).rules(), ["acknowledgement"])

    def test_what_is_acknowledged_while_the_store_is_dead(self):
        for qos, retain, topic, rules in ((1, 0, "t/a", ["promise"]), (2, 0, "n/a", ["promise"]), (1, 0, "n/a", [])):
            dead = key(1, qos, topic)
            story = Story().session().subscribed("#").add("storedown").published(dead, retain).received(dead)
            self.assertEqual(story.add("storeup").rules(), rules, dead)

    def test_what_waits_for_a_dead_store_is_no_violation(self):
        story = begun().add("storedown").published(key(1), acked=False)
        self.assertEqual(story.add("storeup").add("ack", key(1)).received(key(1)).rules(), [])
        story = begun().add("publish", key(1), "t/a", 1, 0).add("storedown").add("ack", key(1)).received(key(1))
        self.assertEqual(story.add("storeup").rules(), [])

    def test_a_message_that_nobody_published(self):
        self.assertEqual(begun().received(key(1)).rules(), ["unknown"])

    def test_a_duplicate_at_qos_2_even_after_a_resend(self):
        story = begun().published(key(1, 2), resends=1).received(key(1, 2)).received(key(1, 2), connection=2)
        self.assertEqual(story.rules(), ["duplicate"])

    def test_the_same_packet_id_again_at_qos_2_is_no_duplicate(self):
        story = begun().published(key(1, 2)).received(key(1, 2))
        story.received(key(1, 2), connection=2, dup=True, again=True)
        self.assertEqual(story.rules(), [])

    def test_a_repeat_at_qos_1_without_dup(self):
        story = begun().published(key(1)).received(key(1)).add("puback", "s#1", key(1))
        self.assertEqual(story.received(key(1), connection=2).rules(), ["repeat"])

    def test_a_repeat_at_qos_1_with_dup_after_a_new_connection_is_allowed(self):
        story = begun().published(key(1)).received(key(1)).received(key(1), connection=2, dup=True)
        self.assertEqual(story.rules(), [])
        self.assertEqual(story.received(key(1), connection=2, dup=True).rules(), ["repeat"])

    def test_the_resends_of_the_publisher_allow_repeats_at_qos_1(self):
        story = begun().published(key(1), resends=1).received(key(1)).received(key(1))
        self.assertEqual(story.rules(), [])
        self.assertEqual(story.received(key(1), connection=2).rules(), ["repeat"])

    def test_order_of_what_was_sent_again(self):
        def resent(story):
            return story.add("resend", key(1)).add("resend", key(2)).add("ack", key(1)).add("ack", key(2))

        story = begun().published(key(1), acked=False).published(key(2), acked=False)
        self.assertEqual(resent(story).received(key(2)).received(key(1)).rules(), ["order"])
        late = Story().session().published(key(1), acked=False).add("subscribe", "s#1", "t/#", 2, 1, "")
        late = resent(late.published(key(2), acked=False).add("suback", "s#1", "t/#", 2))
        self.assertEqual(late.received(key(2)).received(key(1)).received(key(2), dup=True).rules(), [])

    def test_order_when_the_subscription_was_gone_for_a_while(self):
        """The first sending of 1 was lost in a crash, and the second met no subscription; that of 2 did."""

        def rules(leaves):
            story = begun().published(key(1), acked=False)
            if leaves:
                story.add("unsubscribe", "s#1", "t/#").add("unsuback", "s#1", "t/#", 0)
            story.add("resend", key(1)).subscribed(number=2).published(key(2), acked=False)
            story.add("resend", key(1)).add("resend", key(2)).add("ack", key(1)).add("ack", key(2))
            return story.received(key(2), ids=(2,)).received(key(1), ids=(2,)).rules()

        self.assertEqual(rules(leaves=True), [])
        self.assertIn("order", rules(leaves=False))

    def test_order(self):
        for qos in (1, 2):
            story = begun().published(key(1, qos)).published(key(2, qos))
            self.assertEqual(story.received(key(2, qos)).received(key(1, qos)).rules(), ["order"])
        story = begun().published(key(1, topic="t/a")).published(key(2, topic="t/b"))
        story.received(key(2, topic="t/b")).received(key(1, topic="t/a"))
        self.assertEqual(story.rules(), [])

    def test_a_resend_after_a_later_message_may_be_received_after_it(self):
        story = begun().published(key(1), acked=False).published(key(2), acked=False)
        story.received(key(2)).add("resend", key(1)).add("resend", key(2)).add("ack", key(1)).add("ack", key(2))
        self.assertEqual(story.received(key(1)).rules(), [])
        story = begun().published(key(1), acked=False).add("resend", key(1)).published(key(2)).add("ack", key(1))
        self.assertEqual(story.received(key(2)).received(key(1)).rules(), ["order"])

    def test_a_message_after_everything_was_settled(self):
        story = begun().published(key(1)).received(key(1)).add("settled")
        self.assertEqual(story.received(key(1), connection=2, dup=True).rules(), ["returned"])


class SessionsAndSubscriptions(unittest.TestCase):
    def test_a_lost_session(self):
        self.assertEqual(begun().session(present=False).rules(), ["session"])
        self.assertEqual(begun().session(present=True).rules(), [])

    def test_a_session_that_came_back(self):
        story = begun().add("ended", "s#1").session("s#2", present=True, clean=True)
        self.assertEqual(story.rules(), ["session"])
        self.assertEqual(Story().session(present=True).rules(), ["session"])

    def test_a_session_of_which_nobody_knows_whether_it_was_made(self):
        for present in (False, True):
            self.assertEqual(Story().add("connect", "s#1", False).session(present=present).rules(), [])

    def test_a_subscription_that_came_back(self):
        story = begun().add("unsubscribe", "s#1", "t/#").add("unsuback", "s#1", "t/#", 0)
        self.assertEqual(story.published(key(1)).received(key(1)).rules(), ["subscription"])

    def test_a_subscription_of_a_session_that_has_ended(self):
        story = begun().add("ended", "s#1").session("s#2").published(key(1)).received(key(1), name="s#2")
        self.assertEqual(story.rules(), ["subscription"])

    def test_a_subscription_that_was_lost_shows_in_the_unsuback(self):
        story = begun().add("unsubscribe", "s#1", "t/#").add("unsuback", "s#1", "t/#", 0x11)
        self.assertEqual(story.rules(), ["subscription"])

    def test_what_is_not_acknowledged_may_hold_or_not(self):
        for request in (("subscribe", "s#1", "t/#", 2, 1, ""),):
            story = Story().session().add(*request).published(key(1))
            self.assertEqual(story.rules(), [])
            self.assertEqual(story.received(key(1)).rules(), [])
        story = begun().add("unsubscribe", "s#1", "t/#").published(key(1))
        self.assertEqual(story.rules(), [])
        self.assertEqual(story.received(key(1)).rules(), [])

    def test_a_message_acknowledged_before_an_unsubscribe_is_owed(self):
        story = begun().published(key(1)).add("unsubscribe", "s#1", "t/#").add("unsuback", "s#1", "t/#", 0)
        self.assertEqual(story.rules(), ["loss"])


class Options(unittest.TestCase):
    def test_qos(self):
        self.assertEqual(begun().published(key(1, 2)).received(key(1, 2), qos=1).rules(), ["options"])
        story = Story().session().subscribed(qos=1).published(key(1, 2)).received(key(1, 2), qos=2)
        self.assertEqual(story.rules(), ["options"])

    def test_the_greatest_qos_of_overlapping_subscriptions(self):
        def overlapping():
            return Story().session().subscribed(qos=1).subscribed("t/a", 2, 2).published(key(1, 2))

        self.assertEqual(overlapping().received(key(1, 2), qos=2, ids=(1, 2)).rules(), [])
        self.assertEqual(overlapping().received(key(1, 2), qos=1, ids=(1, 2)).rules(), ["options"])
        self.assertEqual(overlapping().received(key(1, 2), qos=2, ids=(2,)).rules(), ["options"])

    def test_subscription_identifiers(self):
        self.assertEqual(begun().published(key(1)).received(key(1), ids=()).rules(), ["options"])
        self.assertEqual(begun().published(key(1)).received(key(1), ids=(1, 5)).rules(), ["options"])
        story = begun().subscribed(number=2).published(key(1))
        self.assertEqual(story.received(key(1), ids=(1,)).rules(), ["options"])

    def test_the_code_of_a_suback(self):
        story = Story().session().add("subscribe", "s#1", "t/#", 2, 1, "").add("suback", "s#1", "t/#", 0x80)
        self.assertEqual(story.rules(), ["options"])

    def test_no_local(self):
        story = Story().session("p#1").subscribed(flags="l", name="p#1").published(key(1))
        self.assertEqual(story.rules(), [])
        self.assertEqual(story.received(key(1), name="p#1").rules(), ["options"])

    def test_retain_as_published(self):
        kept = Story().session().subscribed(flags="rh").published(key(1), retain=1)
        self.assertEqual(kept.received(key(1)).rules(), ["options"])
        constant = begun().published(key(1), retain=1).received(key(1)).received(key(1), retain=True)
        self.assertEqual(constant.rules(), [])
        self.assertEqual(begun().published(key(1)).received(key(1), retain=True).rules(), ["options"])


class Shares(unittest.TestCase):
    def group(self):
        story = Story()
        for name in ("a#1", "b#1"):
            story.session(name).subscribed("$share/g/t/#", 2, 7, name=name)
        return story

    def test_one_member_gets_each_message(self):
        story = self.group().published(key(1, 2)).published(key(2, 2))
        story.received(key(1, 2), name="a#1", ids=(7,)).received(key(2, 2), name="b#1", ids=(7,))
        self.assertEqual(story.rules(), [])

    def test_loss_and_duplicates_count_for_the_whole_group(self):
        self.assertEqual(self.group().published(key(1, 2)).rules(), ["loss"])
        story = self.group().published(key(1, 2)).received(key(1, 2), name="a#1", ids=(7,))
        self.assertEqual(story.received(key(1, 2), name="b#1", ids=(7,)).rules(), ["duplicate"])

    def test_an_own_subscription_gets_a_copy_of_its_own(self):
        story = self.group().subscribed("t/a", 2, 1, name="a#1").published(key(1, 2))
        story.received(key(1, 2), name="a#1", ids=(7,))
        self.assertEqual(story.rules(), ["loss"])
        self.assertEqual(story.received(key(1, 2), name="a#1", ids=(1,)).rules(), [])

    def test_when_a_member_ends_its_messages_move_or_are_discarded(self):
        story = self.group().published(key(1, 2)).published(key(1)).add("ended", "a#1")
        self.assertEqual(story.rules(), ["loss"])
        self.assertEqual(story.received(key(1), name="b#1", ids=(7,)).rules(), [])


class RetainedAndWills(unittest.TestCase):
    def snapshot(self, story, values, when=1):
        story.add("snapshot", when)
        for topic, value in values.items():
            story.add("retained", topic, value, when)
        return story.add("kept", when)

    def test_the_last_value_must_be_there(self):
        def told(value):
            story = Story().published(key(1), retain=1).published(key(2), retain=1)
            return self.snapshot(story, {"t/a": value} if value else {}).rules()

        self.assertEqual(told(key(2)), [])
        self.assertEqual(told(key(1)), ["retained"])
        self.assertEqual(told(None), ["retained"])

    def test_a_cleared_value_must_not_come_back(self):
        story = Story().published(key(1), retain=1).published(key(2), retain=2)
        self.assertEqual(self.snapshot(story, {}).rules(), [])
        self.assertEqual(self.snapshot(story, {"t/a": key(1)}, 2).rules(), ["retained"])

    def test_a_value_that_is_on_its_way_may_be_there(self):
        for value in (key(1), key(2)):
            story = Story().published(key(1), retain=1).published(key(2), retain=1, acked=False)
            self.assertEqual(self.snapshot(story, {"t/a": value}).rules(), ["acknowledgement"])

    def test_a_value_that_nobody_set(self):
        self.assertEqual(self.snapshot(Story(), {"t/z": key(9)}).rules(), ["retained"])

    def test_constant_values_reach_who_subscribes(self):
        story = Story().published(key(1), retain=1).session().subscribed()
        self.assertEqual(story.rules(), ["retained"])
        self.assertEqual(story.received(key(1), retain=True).rules(), [])

    def test_wills(self):
        def told(*fate):
            story = Story().session().subscribed("w/#").add("will", "c:2:w/c:1", "w/c", 2)
            return story.add(*fate) if fate else story

        will = "c:2:w/c:1"
        self.assertEqual(told("willdue", will).rules(), ["loss"])
        self.assertEqual(told("willdue", will).received(will).rules(), [])
        self.assertEqual(told("willdue", will).received(will).received(will, connection=2).rules(), ["duplicate"])
        self.assertEqual(told("willvoid", will).received(will).rules(), ["will"])
        self.assertEqual(told().rules(), [])


if __name__ == "__main__":
    unittest.main()
