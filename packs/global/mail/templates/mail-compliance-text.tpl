{% if node %}Node:       {{ node.display_name or node.name }}
{% endif %}Compliance: {{ compliance.name }} ({{ compliance.mode }})
State:      {{ compliance.state }} (was {{ compliance.old_state }})
Time:       {{ _time }}
{% for rule in compliance.rules %}

{{ rule.name }}: {{ rule.state }}
{% for info in rule.infos %}
  {{ info.state }}: {{ info.text }}
{% endfor %}
{% endfor %}
