{% if node %}Node:   {{ node.display_name or node.name }}
{% endif %}Check:  {{ check.display_name or check.name }}
State:  {{ check.state }} (was {{ check.old_state }})
Time:   {{ _time }}

{{ check.output }}
