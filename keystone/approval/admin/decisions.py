"""Decisions in the admin: GET asks, POST acts.

All decisions are made by `lifecycle.transition_users`. These views translate the request, call it once, and show the
result.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import action

from keystone.accounts.authority import refusal_to_touch
from keystone.accounts.lifecycle import transition_users
from keystone.accounts.models import User
from keystone.accounts.selection import (
    DecisionPaginator,
    Selection,
    keys,
    moment,
    person_or_404,
    unchanged_since,
)
from keystone.accounts.transition import Undo
from keystone.accounts.transition_rules import TRANSITIONS, Transition, check_transition, last_decisions
from keystone.actors.actor import Actor
from keystone.admin.guards import acting
from keystone.approval.admin import applicant, results, wording
from keystone.approval.admin.forms import DecisionForm
from keystone.approval.admin.undoing import UndoMixin
from keystone.approval.undo import remember
from keystone.conf import options

if TYPE_CHECKING:
    from keystone.admin.model_admin import KeystoneModelAdmin as Base
else:
    Base = object


def selected(transition: Transition, description: Any) -> Callable[..., HttpResponse]:
    """Return a bulk action that asks whether to apply `move` to the selected people."""

    @action(description=description)
    def ask(self: "DecisionsMixin", request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse:
        return self.ask_about(request, queryset, transition)

    ask.__name__ = f"{transition.name}_selected"
    chosen: Callable[..., HttpResponse] = ask
    return chosen


class DecisionsMixin(UndoMixin, Base):
    """A list of people with transitions: for one person at `<key>/<move>/`, for many at `bulk/<move>/`.

    Attributes:
        moves: the names of the transitions that this admin offers for one person.
        decides_between: whether the page that asks about one of them offers the others too.
    """

    transitions: tuple[str, ...] = tuple(TRANSITIONS)
    decides_between = False
    paginator = DecisionPaginator
    search_fields = ("email",)  # enables the search box; get_search_results does the search
    search_help_text = gettext_lazy("Name, email address or domain")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Search through the index on words."""
        return queryset.search(search_term), False  # type: ignore[attr-defined]  # the User's own queryset

    def get_urls(self) -> list[URLPattern]:
        """Add the URLs of the decisions, before those that would match them as keys."""
        wrap = self.admin_site.admin_view
        urls = [path("result/<str:name>/", wrap(self.result_view), name=self.url_name("result"))]
        for name in self.transitions:
            extra = {"transition": TRANSITIONS[name]}
            urls += [
                path(f"bulk/{name}/", wrap(self.bulk_view), extra, name=self.url_name(f"bulk_{name}")),
                path(f"<path:object_id>/{name}/", wrap(self.decide_view), extra, name=self.url_name(name)),
            ]
        return [*urls, *super().get_urls()]

    def url_name(self, name: str) -> str:
        """Return the name of one of this admin's URLs."""
        return f"{self.opts.app_label}_{self.opts.model_name}_{name}"

    def may(self, request: HttpRequest, transition: Transition) -> bool:
        """Return whether the viewer may make this transition here."""
        return self.has_view_permission(request) and request.user.has_perm(transition.permission)

    def offered(self, request: HttpRequest, user: User) -> list[dict[str, Any]]:
        """Return the buttons for the transitions that are legal for this person and allowed to this viewer."""
        if refusal_to_touch(user, by=acting(request)) is not None:
            return []
        return [
            {
                "name": name,
                "title": wording.button(TRANSITIONS[name]),
                "icon": wording.LOOKS[name][1],
                "variant": wording.LOOKS[name][2],
                "link": self.page_url(request, name, user.pk),
            }
            for name in self.transitions
            if user.status in TRANSITIONS[name].sources and self.may(request, TRANSITIONS[name])
        ]

    def decide_view(self, request: HttpRequest, object_id: str, transition: Transition) -> HttpResponse:
        """Ask about one person on GET; make the transition on POST."""
        if not self.may(request, transition):
            raise PermissionDenied
        user = person_or_404(object_id)
        by = acting(request, transition.permission)
        if refusal_to_touch(user, by=by) is not None:
            raise PermissionDenied
        back = self._way_back(request, user)
        decision = last_decisions([user], transition).get(str(user.pk))
        refusal = check_transition(user, transition, even_unverified=True, decision=decision)
        if refusal is not None:  # somebody else was first, or the page was sent twice
            messages.warning(request, wording.not_done(user, refusal.detail))
            return HttpResponseRedirect(back)
        unverified = int(user.email_verified_at is None)
        occasions = self.transitions if self.decides_between else (transition.name,)
        form = DecisionForm(
            request.POST or None, transition=transition, unverified=unverified, single=True, occasions=occasions
        )
        if request.method == "POST" and form.is_valid():
            outcome = self._transition(transition, [user.pk], form, by=by)
            notified = form.cleaned_data["notify"]
            if not self.offer_undo(request, outcome, notified=notified):
                for succeeded in outcome.succeeded:
                    messages.success(request, wording.done(transition, succeeded, notified=notified))
            for refused, refusal in outcome.refused:
                messages.warning(request, wording.not_done(refused, refusal.detail))
            return HttpResponseRedirect(self.after_decision(request, user, transition))
        context = {
            "person": user,
            "title": wording.title(transition, 1, user),
            "back": back,
            "undo": self.undo_offer(request),
            **applicant.about(request, user),
            **self.other_choices(request, user, transition),
        }
        return self._ask(request, transition, form, context)

    def other_choices(self, request: HttpRequest, user: User, transition: Transition) -> dict[str, Any]:
        """Return what the page that asks offers besides the decision itself."""
        return {}

    def after_decision(self, request: HttpRequest, user: User, transition: Transition) -> str:
        """Return the URL that the viewer goes to after deciding on `user`, as read before the decision."""
        return self._way_back(request, user)

    def ask_about(self, request: HttpRequest, queryset: QuerySet[Any], transition: Transition) -> HttpResponse:
        """Ask about the people selected in the list. Called by the bulk actions."""
        if not self.may(request, transition):
            raise PermissionDenied
        across = request.POST.get("select_across", "0") not in {"", "0", "false", "False"}  # as Django reads it
        ids = None if across else keys(request.POST.getlist("_selected_action"))
        return self._ask_about(request, Selection.of(queryset, ids), transition)

    def bulk_view(self, request: HttpRequest, transition: Transition) -> HttpResponse:
        """Make a transition of many people, and show the result."""
        if not self.may(request, transition):
            raise PermissionDenied
        if request.method != "POST":
            return HttpResponseRedirect(self.list_url(request))
        across = request.POST.get("across") == "1"
        ids: list[Any] = keys(request.POST.getlist("id"))
        people: QuerySet[User] = User.objects.filter(pk__in=ids).order_by("pk")
        if across:
            try:
                people = self.get_changelist_instance(request).get_queryset(request)
            except IncorrectLookupParameters:
                return HttpResponseRedirect(self.list_url(request))
        try:
            shown = int(request.POST.get("shown", ""))
        except ValueError:
            shown = 0
        shown_at = moment(request.POST.get("shown_at", ""))
        if across and shown_at is not None:
            ids = unchanged_since(people, shown_at)
        unverified = people.filter(email_verified_at__isnull=True).exists()
        form = DecisionForm(request.POST, transition=transition, unverified=int(unverified), single=False)
        if not ids or not form.is_valid() or (across and (shown_at is None or len(ids) > shown)):
            # More people than were shown: a change was being written while the page was rendered.
            return self._ask_about(request, Selection.of(people, None if across else ids), transition, form)
        outcome = self._transition(transition, ids, form, by=acting(request, transition.permission))
        self.offer_undo(request, outcome, notified=form.cleaned_data["notify"])
        changed = max(shown - len(ids), 0) if across else 0
        result = results.summarize(transition, outcome, changed=changed, notified=form.cleaned_data["notify"])
        name = results.keep(request, result)
        address = reverse(f"admin:{self.url_name('result')}", args=[name])
        return HttpResponseRedirect(f"{address}?{request.GET.urlencode()}" if request.GET else address)

    def result_view(self, request: HttpRequest, name: str) -> HttpResponse:
        """Show what happened to each person."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        result = results.recall(request, name)
        if result is None:
            messages.info(request, _("This result is no longer available. See the audit log."))
            return HttpResponseRedirect(self.list_url(request))
        transition = TRANSITIONS[result.transition]
        context = {"result": result, "transition": transition, "title": _("Result"), "back": self.list_url(request)}
        context["links"] = request.user.has_perm("keystone.view_user")
        context["undo"] = self.undo_offer(request)
        return self.render_page(request, "keystone/admin/result.html", context)

    def _ask_about(
        self, request: HttpRequest, selection: Selection, transition: Transition, form: DecisionForm | None = None
    ) -> HttpResponse:
        if not selection.count:
            messages.warning(request, _("There is nobody left to decide on: they have all been decided on or changed."))
            return HttpResponseRedirect(self.list_url(request))
        if form is None or form.is_valid():
            form = DecisionForm(
                transition=transition,
                unverified=selection.unverified,
                single=False,
                initial=form.cleaned_data if form else None,
            )
        address = reverse(f"admin:{self.url_name(f'bulk_{transition.name}')}")
        context = {
            "selection": selection,
            "title": wording.title(transition, selection.count),
            "action": f"{address}?{request.GET.urlencode()}",
            "back": self.list_url(request),
        }
        return self._ask(request, transition, form, context)

    def _ask(
        self, request: HttpRequest, transition: Transition, form: DecisionForm, context: dict[str, Any]
    ) -> HttpResponse:
        look = {
            "button": wording.button_without_reason(transition) if form.asks_again else wording.button(transition),
            "symbol": wording.LOOKS[transition.name][1],
            "variant": wording.LOOKS[transition.name][2],
        }
        explanation = wording.EXPLANATIONS[transition.name]
        media = self.media + form.media
        more = {**look, "transition": transition, "form": form, "explanation": explanation, "media": media}
        return self.render_page(request, "keystone/admin/decision.html", {**more, **context})

    def _transition(self, transition: Transition, ids: list[Any], form: DecisionForm, *, by: Actor) -> Any:
        said = form.cleaned_data
        return transition_users(
            transition,
            ids,
            by=by,
            reason=said.get("reason", ""),
            note=said["note"],
            notify=said["notify"],
            even_unverified=said.get("even_unverified", False),
            until=said.get("until"),
            undo=Undo(options().decision_undo_window, remember),
        )

    def _way_back(self, request: HttpRequest, user: User) -> str:
        """Return the URL where the decision on one person started."""
        return self.list_url(request)
